export { type DataDirectory, StartError, writeToken } from './data-directory.ts';
export { type Demo, runDemoChecks, startDemo } from './demo.ts';
export { REPORT_PUBLIC_KEY, reportKey } from './report-key.ts';
export { type ControlPlane, openControlPlane, type Running, start } from './up.ts';
