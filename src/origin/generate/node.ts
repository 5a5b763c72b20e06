import type { Generator, OriginDescription } from './description.ts';
import { blocks, comment, preamble } from './text.ts';

const TITLE = 'Node.js';

/** Node 20 or newer, or Bun, with the guard of this project. */
export const node: Generator = {
  title: TITLE,
  paths: {
    trust: '/etc/origin/origin-pull-ca.pem',
    certificate: '/etc/origin/origin.pem',
    key: '/etc/origin/origin.key',
    log: '/dev/stdout',
  },
  contents: [],
  defaultContent: { kind: 'files', root: '.' },
  warnings: [],
  files: (description) => [{ name: 'server.mjs', text: text(description) }],
};

function text(description: OriginDescription): string {
  const { trust, hostnames, level, stage, certificate, key, addresses, httpsPort } = description;
  const quoted = (texts: readonly string[]) => texts.map((one) => `'${one.replaceAll('\\', '\\\\')}'`).join(', ');
  return blocks(
    comment(preamble(TITLE, description, []), '//'),
    `import { readFileSync } from 'node:fs';
import { createGuard } from '@countersign/guard';`,
    `// Not "requestCert" and "socket.authorized": a session of one name would open another.
const guard = createGuard({
  mode: '${stage}',
  trust: ${quoted([trust])},
  hosts: {
${hostnames.map((name) => `    '${name}': { level: '${level}' },`).join('\n')}
  },
  // Pin: let in one subject only, written as the refusals below show it.
  // pin: { subjects: ['CN=the edge'] },
  // What was refused, or, in mode observe, would have been.
  onRefusal: (refusal) => console.error(JSON.stringify(refusal)),
});`,
    `// Your application. Nothing listens for plain HTTP: it carries no client certificate.
function handler(request, response) {
  response.end(\`let in: \${request.originPull.subject}\\n\`);
}`,
    `const own = { cert: readFileSync(${quoted([certificate])}), key: readFileSync(${quoted([key])}) };
for (const host of [${quoted(addresses)}]) {
  guard.createServer(handler, own).listen({ host, port: ${httpsPort}, ipv6Only: host.includes(':') });
}`,
  );
}
