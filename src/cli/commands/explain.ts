import type { Command } from 'commander';
import type { OriginProofState, RequestExplanation } from '../../control/mod.ts';
import { type CommonFlags, clientCommand, show } from '../command.ts';
import { CliError, colour } from '../output.ts';

type Flags = CommonFlags & { readonly method: string; readonly header?: readonly string[]; readonly ip: string };

/** What the control plane answers. */
type Explained = RequestExplanation & { readonly origin_proof: OriginProofState };

/** `countersign explain URL` */
export function explainCommand(): Command {
  return clientCommand(
    'explain <url>',
    'what the rules do to a request, which certificate the edge presents for it, and why',
  )
    .option('--method <METHOD>', 'of the request', 'GET')
    .option('--header <FIELD...>', 'of the request, as "Name: value"')
    .option('--ip <ADDRESS>', 'of the visitor', '192.0.2.1')
    .action((url: string, flags: Flags) => {
      if (!URL.canParse(url)) throw new CliError(2, `"${url}" is not a URL: write it as https://www.example.com/.`);
      const { hostname } = new URL(url);
      return show(
        flags,
        async (client) => {
          const zone = await client.zoneOf(hostname);
          const query = new URLSearchParams({ url, method: flags.method, ip: flags.ip });
          for (const header of flags.header ?? []) query.append('header', header);
          return await client.call<Explained>('GET', `/zones/${zone.id}/countersign/resolve?${query}`);
        },
        describe,
      );
    });
}

function describe({ url, summary, reasons, rules, origin_proof }: Explained): string {
  const steps = reasons.map(
    ({ decided, text }, i) => `  ${i + 1}. ${text}${decided ? colour('green', '  <- decides') : ''}`,
  );
  if (rules.outcome === 'pass')
    return [colour('bold', url), ...steps, ...describeRules(rules), summary, proof(origin_proof)].join('\n');
  return [
    colour('bold', url),
    ...describeRules(rules),
    `The edge answers ${rules.status} itself: no origin is asked.`,
  ].join('\n');
}

function proof({ state, text, at }: OriginProofState): string {
  const when = at === null ? '' : ` (${at})`;
  const format = state === 'enforced' ? 'green' : state === 'not_enforced' ? 'red' : 'dim';
  return colour(format, `${text}${when}`);
}

function describeRules({ matched, target, problem }: RequestExplanation['rules']): string[] {
  const lines = matched.map(
    ({ phase, level, rule_id, description, action }) =>
      `  ${phase} (${level}): ${colour('bold', action)} by ${rule_id}${description === '' ? '' : `, ${description}`}`,
  );
  if (lines.length === 0) lines.push('  No rule matches.');
  if (target !== null) lines.push(`  The origin is asked for ${target}.`);
  if (problem !== null) lines.push(colour('red', `  The rules cannot be carried out: ${problem}`));
  return lines;
}
