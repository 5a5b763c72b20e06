export * from './clock.ts';
export * from './files.ts';
export * from './listening-socket.ts';
export * from './random.ts';
export * from './runtime.ts';
export * from './service-manager.ts';
export * from './signals.ts';
export * from './tls.ts';
