import { hostPort } from '../core/mod.ts';

/** A listen address as an operator writes it. */
export interface HostPort {
  /** Name or address; IPv6 without brackets. */
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
}

const FORM = /^(?:\[([0-9A-Fa-f:.]+)\]|([^\s:[\]]+)):(\d{1,5})$/;

/** Reads `HOST:PORT` or `[IPV6]:PORT`; null for anything else. */
export function parseHostPort(text: string): HostPort | null {
  const parts = FORM.exec(text);
  if (parts === null) return null;
  const port = Number(parts[3]);
  return port > 65535 ? null : { host: (parts[1] ?? parts[2])!, port };
}

/** Writes what `parseHostPort` reads. */
export function formatHostPort({ host, port }: HostPort): string {
  return hostPort(host, port);
}
