export { createApi } from './app.ts';
export { type ServedApi, type ServeOptions, serveApi } from './serve.ts';
export type { ApiOptions, Readiness } from './types.ts';
