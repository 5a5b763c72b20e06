import { isSslMode } from '../core/mod.ts';
import { at, invalid, type JsonObject, readMembers } from './validate-input.ts';

/** Parameters of `set_config`: what the edge can do otherwise for one request. */
export function readConfig(value: unknown, pointer: string): JsonObject {
  const { ssl } = readMembers(value, pointer, ['ssl']);
  if (!isSslMode(ssl)) throw invalid(at(pointer, 'ssl'), 'must be one of off, flexible, full, strict, origin_pull.');
  return { ssl };
}
