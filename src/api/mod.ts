export { createApi } from './app.ts';
export { type ServedApi, type ServeOptions, serveApi } from './serve.ts';
export type { ApiOptions, InstallationStatus, Readiness } from './types.ts';
