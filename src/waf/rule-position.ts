import { at, invalid, readMembers, readText, readWhole } from './validate-input.ts';

/**
 * Where among rules with these ids a rule goes, as an index from 0; at the end where nothing is said. `ids` are those of the other
 * rules. Throws `rule_invalid`.
 */
export function rulePosition(value: unknown, pointer: string, ids: readonly string[]): number {
  if (value === undefined) return ids.length;
  const { before, after, index } = readMembers(value, pointer, ['before', 'after', 'index']);
  if ([before, after, index].filter((member) => member !== undefined).length !== 1) {
    throw invalid(pointer, 'must have one of before, after and index.');
  }
  // An empty id stands for the end of the list that it points at.
  if (before !== undefined) return before === '' ? 0 : indexOf(before, at(pointer, 'before'), ids);
  if (after !== undefined) return after === '' ? ids.length : indexOf(after, at(pointer, 'after'), ids) + 1;
  return readWhole(index, at(pointer, 'index'), 1, ids.length + 1) - 1;
}

function indexOf(value: unknown, pointer: string, ids: readonly string[]): number {
  const found = ids.indexOf(readText(value, pointer, 0, 32));
  if (found < 0) throw invalid(pointer, 'there is no other rule with this id in the ruleset.');
  return found;
}
