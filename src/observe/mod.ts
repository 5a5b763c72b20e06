export * from './access-log.ts';
export * from './api-counters.ts';
export * from './edge-counters.ts';
export * from './logger.ts';
export * from './metrics.ts';
export * from './trace-context.ts';
