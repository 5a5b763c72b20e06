import type { Command } from 'commander';
import type { Explanation } from '../../core/mod.ts';
import { type CommonFlags, clientCommand, show } from '../command.ts';
import { CliError, colour } from '../output.ts';

/** `countersign explain URL` */
export function explainCommand(): Command {
  return clientCommand('explain <url>', 'which certificate the edge presents for a URL, and why').action(
    (url: string, flags: CommonFlags) => {
      if (!URL.canParse(url)) throw new CliError(2, `"${url}" is not a URL: write it as https://www.example.com/.`);
      const { hostname } = new URL(url);
      return show(
        flags,
        async (client) => {
          const zone = await client.zoneOf(hostname);
          return await client.call<Explanation>(
            'GET',
            `/zones/${zone.id}/countersign/resolve?url=${encodeURIComponent(url)}`,
          );
        },
        describe,
      );
    },
  );
}

function describe({ url, summary, reasons }: Explanation): string {
  const steps = reasons.map(
    ({ decided, text }, i) => `  ${i + 1}. ${text}${decided ? colour('green', '  <- decides') : ''}`,
  );
  return [colour('bold', url), ...steps, summary].join('\n');
}
