export type { Field, FieldNeed, RefusedField } from './fields/field.ts';
export { FIELDS, REFUSED_FIELDS } from './fields/table.ts';
export { compileFilter, compileValue, type Filter, type Uses, type ValueExpression } from './filter.ts';
export type { RefusedFunction, RuleFunction } from './functions/function.ts';
export { FUNCTIONS, REFUSED_FUNCTIONS } from './functions/table.ts';
export type { RuleList } from './lists.ts';
export type { CompileOptions } from './names.ts';
export { PHASES, type Phase, type Stage, stageOf } from './phases.ts';
export type {
  BodyFacts,
  GeoFacts,
  HeaderField,
  NameParts,
  RequestFacts,
  ResponseFacts,
  TimingFacts,
  TlsFacts,
  VisitorCertificateFacts,
} from './request-facts.ts';
export { RequestView } from './request-view.ts';
export { RuleError, type Span } from './rule-error.ts';
export { type RuleSet, ruleSet } from './rule-set.ts';
export { type SimpleKind, typeName, type Value, type ValueType } from './types.ts';
