import { type Certificates, HOSTNAME } from './harness/certificates.ts';
import { generate } from './harness/generator.ts';
import { h2load } from './harness/h2load.ts';
import { wrk } from './harness/wrk.ts';

/** What one round of a work came to. */
export interface Round {
  /** Of what the cost is counted by. */
  readonly units: number;
  /** Microseconds from a request to its answer; undefined where the load generator does not say. */
  readonly p50?: number;
  readonly p99?: number;
}

/** A kind of load that proxies are compared under. */
export interface Work {
  readonly name: string;
  /** What visitors do. */
  readonly load: string;
  readonly unit: 'request' | 'MiB' | 'connection';
  drive(certificates: Certificates, port: number, seconds: number): Promise<Round>;
}

const MIB = 1024 * 1024;
const handshakes = { path: '/1k', hosts: [HOSTNAME], connections: 16, requestsPerConnection: 1 };

/** All works of `npm run bench -- forwarding`, in the order of their rows. */
export const WORKS: readonly Work[] = [
  {
    name: 'keepalive',
    load: 'HTTP/1.1, GET 1 KiB, 50 connections',
    unit: 'request',
    drive: async (certificates, port, seconds) => {
      const { requests, p50, p99 } = await wrk(certificates, port, '/1k', { seconds, connections: 50 });
      return { units: requests, p50, p99 };
    },
  },
  {
    name: 'h2',
    load: 'HTTP/2, GET 1 KiB, 20 connections of 10 streams',
    unit: 'request',
    drive: async (_, port, seconds) => ({
      units: (await h2load(port, '/1k', { seconds, connections: 20, streams: 10 })).requests,
    }),
  },
  {
    name: 'download',
    load: 'HTTP/1.1, GET 10 MiB, 8 connections',
    unit: 'MiB',
    drive: async (certificates, port, seconds) => ({
      units: (await wrk(certificates, port, '/10m', { seconds, connections: 8 })).bytes / MIB,
    }),
  },
  {
    name: 'upload',
    load: 'HTTP/1.1, POST 1 MiB, 8 connections',
    unit: 'MiB',
    drive: async (certificates, port, seconds) => ({
      units: (await wrk(certificates, port, '/upload', { seconds, connections: 8, upload: MIB })).requests,
    }),
  },
  {
    name: 'handshake',
    load: 'a connection a request, full handshake, P-256, 16 at a time',
    unit: 'connection',
    drive: async (_, port, seconds) => {
      const { requests, resumed, p50, p99 } = await generate({ ...handshakes, port, seconds, resumes: false });
      if (resumed > 0) throw new Error(`port ${port}: ${resumed} sessions were resumed that nobody offered`);
      return { units: requests, p50, p99 };
    },
  },
  {
    name: 'resumed',
    load: 'a connection a request, resumed session, 16 at a time',
    unit: 'connection',
    drive: async (_, port, seconds) => {
      const { requests, resumed, p50, p99 } = await generate({ ...handshakes, port, seconds, resumes: true });
      if (resumed < requests * 0.95) throw new Error(`port ${port}: only ${resumed} of ${requests} were resumed`);
      return { units: requests, p50, p99 };
    },
  },
];
