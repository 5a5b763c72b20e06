import type { Field } from './fields/field.ts';
import { FIELDS, REFUSED_FIELDS } from './fields/table.ts';
import type { RuleFunction } from './functions/function.ts';
import { FUNCTIONS, REFUSED_FUNCTIONS } from './functions/table.ts';
import { listTest, type RuleList } from './lists.ts';
import type { Names } from './parse.ts';
import { type Phase, type Stage, stageOf } from './phases.ts';

/** What an expression may use. */
export interface CompileOptions {
  readonly phase: Phase;
  /** What is known when the expression is evaluated; by default what the phase knows. */
  readonly stage?: Stage;
  readonly lists: (name: string) => RuleList | undefined;
  /** Whether there is a geo database. */
  readonly hasGeo: boolean;
}

/** What names mean under these options, and which were used. */
export function namesFor(
  options: CompileOptions,
  isValue: boolean,
): Names & { readonly fields: Set<Field>; readonly lists: Set<string> } {
  const fields = new Set<Field>();
  const lists = new Set<string>();
  return {
    fields,
    lists,
    field: (name) => {
      const refused = REFUSED_FIELDS.get(name);
      if (refused !== undefined) return `The field ${name} cannot be used: ${refused.reason}.`;
      const field = FIELDS.get(name);
      if (field === undefined) return null;
      const problem = fieldProblem(field, options);
      if (problem !== null) return `The field ${name} cannot be used here: ${problem}.`;
      fields.add(field);
      return field;
    },
    function: (name) => {
      const refused = REFUSED_FUNCTIONS.get(name);
      if (refused !== undefined) return `The function ${name} cannot be used: ${refused.reason}.`;
      const found = FUNCTIONS.get(name);
      if (found === undefined) return null;
      const problem = functionProblem(found, options.phase, isValue);
      return problem === null ? found : `The function ${name} cannot be used here: ${problem}.`;
    },
    list: (name, type) => {
      lists.add(name);
      return listTest(name, options.lists(name), type);
    },
  };
}

function fieldProblem({ need, phases }: Field, { phase, stage, hasGeo }: CompileOptions): string | null {
  if (need === 'geo' && !hasGeo) return 'it needs a geo database, and there is none';
  if (need === 'response' && (stage ?? stageOf(phase)) === 'request')
    return 'it is known only when the response has come';
  if (phases !== null && !phases.includes(phase)) return `it is for the phases ${phases.join(', ')}`;
  return null;
}

function functionProblem({ phases, onlyInValues }: RuleFunction, phase: Phase, isValue: boolean): string | null {
  if (onlyInValues && !isValue) return 'it is for the values of rewrites and redirects, not for filters';
  if (phases !== null && !phases.includes(phase)) return `it is for the phases ${phases.join(', ')}`;
  return null;
}
