import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { geoDatabase, ipv4Bits } from '../../test/doubles/geo-database.ts';
import { openGeoDatabases } from './mod.ts';

const directory = mkdtempSync(join(tmpdir(), 'countersign-test-'));
after(() => rmSync(directory, { recursive: true }));

function file(name: string, bytes: Buffer): string {
  const path = join(directory, name);
  writeFileSync(path, bytes);
  return path;
}

const CITY = file(
  'city.mmdb',
  geoDatabase([
    [
      ipv4Bits('192.0.2.0', 24),
      {
        country: { iso_code: 'CH', is_in_european_union: false },
        continent: { code: 'EU' },
        city: { names: { en: 'Zürich', de: 'Zürich' } },
        postal: { code: '8001' },
        location: { latitude: 47.36, longitude: 8.55, metro_code: 635, time_zone: 'Europe/Zurich' },
        subdivisions: [{ iso_code: 'ZH', names: { en: 'Zurich' } }, { iso_code: '261' }],
      },
    ],
    ['0010000000000001', { country: { iso_code: 'FR', is_in_european_union: true } }],
  ]),
);
const ASN = file('asn.mmdb', geoDatabase([[ipv4Bits('192.0.0.0', 16), { autonomous_system_number: 64500 }]]));

const NOTHING = {
  country: '',
  continent: '',
  isInEuropeanUnion: false,
  asnum: 0,
  city: '',
  postalCode: '',
  metroCode: '',
  region: '',
  regionCode: '',
  latitude: '',
  longitude: '',
  timezone: '',
  subdivision1: '',
  subdivision2: '',
};

test('what several databases know is put together', () => {
  const find = openGeoDatabases([CITY, ASN]);
  assert.deepEqual(find('192.0.2.77'), {
    country: 'CH',
    continent: 'EU',
    isInEuropeanUnion: false,
    asnum: 64500,
    city: 'Z\xc3\xbcrich',
    postalCode: '8001',
    metroCode: '635',
    region: 'Zurich',
    regionCode: 'ZH',
    latitude: '47.36',
    longitude: '8.55',
    timezone: 'Europe/Zurich',
    subdivision1: 'CH-ZH',
    subdivision2: 'CH-261',
  });
  assert.deepEqual(find('192.0.3.1'), { ...NOTHING, asnum: 64500 });
  assert.deepEqual(find('2001:db8::1'), { ...NOTHING, country: 'FR', isInEuropeanUnion: true });
  assert.equal(find('203.0.113.1'), null);
});

test('another file is refused by its name', () => {
  const path = file('text.mmdb', Buffer.from('no database'));
  assert.throws(() => openGeoDatabases([path]), { message: `${path} is not a database in MaxMind's format.` });
  assert.throws(() => openGeoDatabases([join(directory, 'nowhere')]), { code: 'ENOENT' });
});
