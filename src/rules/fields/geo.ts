/** Fields of the visitor's place, where there is a database, under the newer and the older names (spec/waf.md 1.4). */

import type { GeoFacts } from '../request-facts.ts';
import type { Value, ValueType } from '../types.ts';
import { BOOLEAN, INTEGER, STRING } from '../types.ts';
import { field } from './define.ts';
import type { Field } from './field.ts';

/** What a country is where the database does not know: a missing value would make every comparison false. */
const UNKNOWN_COUNTRY = 'XX';

const GEO: readonly [name: string, type: ValueType, read: (geo: GeoFacts) => Value, unknown: Value][] = [
  ['country', STRING, (geo) => geo.country || UNKNOWN_COUNTRY, UNKNOWN_COUNTRY],
  ['continent', STRING, (geo) => geo.continent, ''],
  ['asnum', INTEGER, (geo) => geo.asnum, 0],
  ['is_in_european_union', BOOLEAN, (geo) => geo.isInEuropeanUnion, false],
  ['subdivision_1_iso_code', STRING, (geo) => geo.subdivision1, ''],
  ['subdivision_2_iso_code', STRING, (geo) => geo.subdivision2, ''],
  ['city', STRING, (geo) => geo.city, ''],
  ['postal_code', STRING, (geo) => geo.postalCode, ''],
  ['metro_code', STRING, (geo) => geo.metroCode, ''],
  ['region', STRING, (geo) => geo.region, ''],
  ['region_code', STRING, (geo) => geo.regionCode, ''],
  ['lat', STRING, (geo) => geo.latitude, ''],
  ['lon', STRING, (geo) => geo.longitude, ''],
  ['timezone.name', STRING, (geo) => geo.timezone, ''],
];

/** Those that have an older name, `ip.geoip.*`. */
const OLDER = [
  'country',
  'continent',
  'asnum',
  'is_in_european_union',
  'subdivision_1_iso_code',
  'subdivision_2_iso_code',
];

export const GEO_FIELDS: readonly Field[] = GEO.flatMap(([name, type, read, unknown]) =>
  (OLDER.includes(name) ? ['ip.src.', 'ip.geoip.'] : ['ip.src.']).map((prefix) =>
    field(prefix + name, type, ({ facts }) => (facts.geo === null ? unknown : read(facts.geo)), { need: 'geo' }),
  ),
);
