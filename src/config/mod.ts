export * from './host-port.ts';
export * from './load.ts';
export * from './options.ts';
