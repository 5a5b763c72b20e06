import { canonicalHostname } from '../core/mod.ts';
import { canonicalAddress } from './validate-address.ts';
import { at, given, invalid, type JsonObject, readMembers, readText, readWhole } from './validate-input.ts';

/** Parameters of `route` (spec/origin-pulls.md 4.4): Host header, server name, address and port of the origin. */
export function readRoute(value: unknown, pointer: string): JsonObject {
  const { host_header, sni, origin } = readMembers(value, pointer, ['host_header', 'sni', 'origin']);
  const result = given({
    host_header: host_header === undefined ? undefined : readHostHeader(host_header, at(pointer, 'host_header')),
    sni: sni === undefined ? undefined : readSni(sni, at(pointer, 'sni')),
    origin: origin === undefined ? undefined : readOrigin(origin, at(pointer, 'origin')),
  });
  if (Object.keys(result).length === 0) throw invalid(pointer, 'must have host_header, sni or origin.');
  return result;
}

function readHostHeader(value: unknown, pointer: string): string {
  return hostname(readText(value, pointer, 1, 253), pointer);
}

function readSni(value: unknown, pointer: string): JsonObject {
  const { value: name } = readMembers(value, pointer, ['value']);
  const where = at(pointer, 'value');
  return { value: hostname(readText(name, where, 1, 253), where) };
}

function readOrigin(value: unknown, pointer: string): JsonObject {
  const { host, port } = readMembers(value, pointer, ['host', 'port']);
  const where = at(pointer, 'host');
  const result = given({
    host: host === undefined ? undefined : addressOrName(readText(host, where, 1, 253), where),
    port: port === undefined ? undefined : readWhole(port, at(pointer, 'port'), 1, 65535),
  });
  if (Object.keys(result).length === 0) throw invalid(pointer, 'must have host or port.');
  return result;
}

function addressOrName(text: string, pointer: string): string {
  return canonicalAddress(text) ?? hostname(text, pointer);
}

function hostname(text: string, pointer: string): string {
  const name = canonicalHostname(text);
  if (name === null) throw invalid(pointer, 'must be a hostname.');
  return name;
}
