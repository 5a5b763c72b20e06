import { networkInterfaces } from 'node:os';

/** Tells the addresses of this machine's network interfaces, as of now. */
export type LocalAddresses = () => readonly string[];

/** The machine's own. */
export const systemAddresses: LocalAddresses = () =>
  Object.values(networkInterfaces()).flatMap((found) => (found ?? []).map(({ address }) => address));
