/** Fields of the visitor's connection and of the edge (spec/waf.md 1.4). */

import { parsePeer } from '../../match/mod.ts';
import { ADDRESS } from '../types.ts';
import { boolean, field, integer, string } from './define.ts';
import type { Field } from './field.ts';

export const CONNECTION_FIELDS: readonly Field[] = [
  field('ip.src', ADDRESS, (view) => view.visitor ?? undefined),
  field('cf.edge.server_ip', ADDRESS, ({ facts }) => parsePeer(facts.serverAddress) ?? undefined),
  integer('cf.edge.server_port', ({ facts }) => facts.serverPort),
  // Visitors come by TCP alone here, and nothing runs between edge and origin.
  boolean('cf.edge.client_tcp', () => true),
  integer('cf.timings.client_quic_rtt_msec', () => 0),
  integer('cf.timings.worker_msec', () => 0),
  string('cf.worker.upstream_zone', () => ''),
  // The documentation gives it as always 0.
  integer('cf.threat_score', () => 0),
  string('cf.ray_id', ({ facts }) => facts.rayId),
  string('cf.random_seed', ({ facts }) => facts.randomSeed),
  string('cf.tls_version', ({ facts }) => facts.tls?.version ?? ''),
  string('cf.tls_cipher', ({ facts }) => facts.tls?.cipher ?? ''),
];
