export * from './clock.ts';
export * from './files.ts';
export * from './random.ts';
export * from './runtime.ts';
export * from './signals.ts';
