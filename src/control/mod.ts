export { ACCESS_MODES } from '../waf/mod.ts';
export * from './access-rules.ts';
export * from './associations.ts';
export * from './client-certificates.ts';
export { compileAll, compileDelta } from './compile.ts';
export type { Context, Distribution } from './context.ts';
export * from './credentials.ts';
export * from './custom-certificates.ts';
export { Deployment } from './deployment.ts';
export * from './dns-records.ts';
export { type EventFilter, EventStore } from './event-store.ts';
export {
  type Examination,
  type ExaminationDetail,
  Examinations,
  type VerdictChange,
  type VerdictCounts,
} from './examinations.ts';
export { explainRequest, type RequestExplanation } from './explain-request.ts';
export { bootstrap, type Installation, renewSharedLeaf } from './installation.ts';
export * from './list-items.ts';
export * from './lists.ts';
export * from './lockdowns.ts';
export { KnownProofs, type OriginProofState } from './origin-proofs.ts';
export { deleteOrigin, getOrigin, listOrigins, type Origin, putOrigin } from './origins.ts';
export type { RuleScopeId } from './rule-scope.ts';
export type { RulesetChange } from './ruleset-change.ts';
export type { Ruleset, RulesetHead } from './ruleset-rows.ts';
export * from './ruleset-rules.ts';
export * from './rulesets.ts';
export { ServerCertificates } from './server-certificates.ts';
export * from './settings.ts';
export { purgeTombstones, TOMBSTONE_LIFE } from './tombstones.ts';
export * from './user-agent-rules.ts';
export { createZone, deleteZone, findZone, listZones, type NewZone } from './zones.ts';
