import { canonicalHostname } from './hostname.ts';
import type { Level, SslMode } from './level.ts';
import { isUsable } from './life-cycle.ts';
import type { IdentityEntry, ZoneEntry } from './snapshot.ts';
import type { SnapshotIndex } from './snapshot-index.ts';

/** Scheme of a visitor's request. */
export type Scheme = 'http' | 'https';

/** What the edge does toward the origin: pull over http or https, or send an https visitor to http (mode off). */
export type OriginScheme = Scheme | 'redirect_to_http';

/** One step of the decision: what was looked at, whether it decided, and why, in words a person understands. */
export interface Reason {
  readonly step: 'zone_lookup' | 'mode' | Level;
  readonly decided: boolean;
  readonly text: string;
}

/** The decision about one origin pull (spec/origin-pulls.md 2.4). */
export interface Resolution {
  readonly zone: ZoneEntry | null;
  readonly originScheme: OriginScheme;
  /** The client certificate that is presented if the origin asks for one. */
  readonly identity: IdentityEntry | null;
  readonly level: Level | 'none';
  /** In the order looked at; the last one decided. */
  readonly reasons: readonly Reason[];
}

/** The scheme toward the origin (spec/origin-pulls.md 3.1). `port` is the one that the visitor used. */
function originScheme(mode: SslMode, scheme: Scheme, port: number): OriginScheme {
  switch (mode) {
    case 'off':
      return scheme === 'https' ? 'redirect_to_http' : 'http';
    case 'flexible':
      // Ports other than 443 fall back to full (row 12).
      return scheme === 'https' && port !== 443 ? 'https' : 'http';
    case 'full':
    case 'strict':
      return scheme;
    case 'origin_pull':
      return 'https';
  }
}

/**
 * Which client certificate an origin pull for `hostname` presents, and why: spec/origin-pulls.md 2.4. Pure. Case and
 * a trailing dot of the hostname do not matter. `port` is the port the visitor used (443 and 80 are the defaults). A rule
 * may have set the encryption mode for this request: `mode`.
 */
export function resolve(
  index: SnapshotIndex,
  hostname: string,
  scheme: Scheme,
  port = scheme === 'https' ? 443 : 80,
  mode: SslMode | null = null,
): Resolution {
  const reasons: Reason[] = [];
  const name = canonicalHostname(hostname);
  const found = name === null ? undefined : index.zoneOf(name);
  const zone = found === undefined || mode === null ? found : { ...found, ssl: mode };
  if (name === null || zone === undefined) {
    const text = name === null ? `"${hostname}" is not a hostname.` : `No zone of this installation holds ${name}.`;
    reasons.push({ step: 'zone_lookup', decided: true, text });
    return { zone: null, originScheme: scheme, identity: null, level: 'none', reasons };
  }
  const toOrigin = originScheme(zone.ssl, scheme, port);
  const reason = modeReason(zone.ssl, scheme, port, toOrigin);
  reasons.push(reason);
  if (reason.decided) return { zone, originScheme: toOrigin, identity: null, level: 'none', reasons };
  const choice =
    atHostname(index, zone, name, reasons) ?? atZone(index, zone, reasons) ?? atGlobal(index, zone, reasons);
  return { zone, originScheme: toOrigin, ...choice, reasons };
}

type Choice = Pick<Resolution, 'identity' | 'level'>;
const NONE: Choice = { identity: null, level: 'none' };

function modeReason(mode: SslMode, scheme: Scheme, port: number, toOrigin: OriginScheme): Reason {
  if (toOrigin === 'redirect_to_http') {
    return { step: 'mode', decided: true, text: 'Encryption mode "off" sends https visitors to http: no origin pull.' };
  }
  if (toOrigin === 'http') {
    const text = `Encryption mode "${mode}" pulls ${scheme} requests over plain http, which carries no client certificate.`;
    return { step: 'mode', decided: true, text };
  }
  const odd = mode === 'flexible' ? ` (port ${port} is not 443, so it acts as "full")` : '';
  return { step: 'mode', decided: false, text: `Encryption mode "${mode}" pulls this over https${odd}.` };
}

function atHostname(index: SnapshotIndex, zone: ZoneEntry, name: string, reasons: Reason[]): Choice | null {
  const association = index.hostname(zone.id, name)?.association;
  const say = (decided: boolean, text: string) => reasons.push({ step: 'hostname', decided, text });
  if (!association) {
    say(false, `Hostname level: ${name} has no association.`);
    return null;
  }
  if (!association.enabled) {
    say(
      true,
      `Hostname level: the association of ${name} is disabled, so no certificate is presented, whatever the other levels say.`,
    );
    return NONE;
  }
  const current = ofStore(index, association.certId, 'hostname', zone);
  if (current && isUsable(current.status)) {
    say(true, `Hostname level: ${name} is associated with certificate ${current.id}.`);
    return { identity: current, level: 'hostname' };
  }
  const previous = association.previousCertId && ofStore(index, association.previousCertId, 'hostname', zone);
  if (previous && isUsable(previous.status)) {
    say(
      true,
      `Hostname level: certificate ${association.certId} is not deployed yet, so ${name} keeps its previous certificate ${previous.id}.`,
    );
    return { identity: previous, level: 'hostname' };
  }
  const state = current ? `is ${current.status}` : 'is deleted';
  say(false, `Hostname level: certificate ${association.certId} of ${name} ${state}, so a lower level is used.`);
  return null;
}

function atZone(index: SnapshotIndex, zone: ZoneEntry, reasons: Reason[]): Choice | null {
  const say = (decided: boolean, text: string) => reasons.push({ step: 'zone', decided, text });
  if (!zone.originTlsClientAuth) {
    say(false, `Zone level: it is off for ${zone.name}.`);
    return null;
  }
  let newest: IdentityEntry | null = null;
  for (const id of zone.certificateIds) {
    const candidate = ofStore(index, id, 'zone', zone);
    if (candidate && isUsable(candidate.status) && (newest === null || isDeployedAfter(candidate, newest))) {
      newest = candidate;
    }
  }
  if (newest === null) {
    say(false, `Zone level: it is on for ${zone.name}, but no deployed certificate is there to present.`);
    return null;
  }
  say(true, `Zone level: it is on for ${zone.name}, and certificate ${newest.id} is its most recently deployed one.`);
  return { identity: newest, level: 'zone' };
}

function atGlobal(index: SnapshotIndex, zone: ZoneEntry, reasons: Reason[]): Choice {
  const say = (decided: boolean, text: string) => reasons.push({ step: 'global', decided, text });
  if (!zone.tlsClientAuth) {
    say(true, `Global level: it is off for ${zone.name}, so no certificate is presented.`);
    return NONE;
  }
  const id = index.installation()?.sharedIdentityId;
  const shared = id === undefined ? undefined : index.identity(id);
  if (shared?.level !== 'global' || !isUsable(shared.status)) {
    say(true, 'Global level: it is on, but the shared certificate is not deployed yet, so none is presented.');
    return NONE;
  }
  say(true, `Global level: it is on for ${zone.name}, so the shared certificate is presented.`);
  return { identity: shared, level: 'global' };
}

/** The identity, where it belongs to that store of that zone: never another zone's, whatever an association names. */
function ofStore(index: SnapshotIndex, id: string, level: Level, zone: ZoneEntry): IdentityEntry | undefined {
  const found = index.identity(id);
  return found?.level === level && found.zoneId === zone.id ? found : undefined;
}

/** By deployed time, then upload time, then id (spec/origin-pulls.md 9, decision 10). */
function isDeployedAfter(a: IdentityEntry, b: IdentityEntry): boolean {
  const deployed = (a.deployedAt ?? 0) - (b.deployedAt ?? 0);
  if (deployed !== 0) return deployed > 0;
  return a.uploadedAt !== b.uploadedAt ? a.uploadedAt > b.uploadedAt : a.id > b.id;
}
