import type { FieldChange } from '../waf/mod.ts';
import { withoutFields } from './http1/field-lines.ts';

/** Serialised field lines as rules change them. */
export function changeFields(lines: string, changes: readonly FieldChange[]): string {
  let changed = lines;
  for (const change of changes) {
    if (change.operation !== 'add') changed = withoutFields(changed, new Set([change.name.toLowerCase()]));
    if (change.operation !== 'remove') changed += `${change.name}: ${change.value}\r\n`;
  }
  return changed;
}
