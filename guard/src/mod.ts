export { createGuard, type Guard, type GuardStats, type GuardTlsOptions, type Verdict } from './guard.ts';
export type { Guarded, Middleware } from './middleware.ts';
export type { GuardOptions, HostRule, OriginPull, Refusal, Requirement, Source, TrustProblem } from './options.ts';
export type { Pins } from './pins.ts';
export type { RefusalCode } from './refusal.ts';
export type { GuardedRequest } from './request.ts';
export type { CreateServer, GuardedServerOptions } from './server.ts';
