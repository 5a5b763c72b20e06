import { spawn } from 'node:child_process';

/** Tells systemd how the service is, where it started this process and asked for it; elsewhere nothing happens. */
export function notifyServiceManager(state: 'ready' | 'reloading' | 'stopping', environment = process.env): void {
  if (!environment.NOTIFY_SOCKET) return;
  // Neither runtime has datagram sockets of the kind that systemd listens on: its own tool does.
  const tool = spawn('systemd-notify', [`${state.toUpperCase()}=1`], { stdio: 'ignore' });
  tool.on('error', () => undefined);
}
