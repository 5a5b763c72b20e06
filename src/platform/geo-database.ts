import { Buffer } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { Reader, type Response } from 'mmdb-lib';

/** What databases say about an address: texts as latin1 of their UTF-8, empty where unknown, 0 for an unknown number. */
export interface Place {
  readonly country: string;
  readonly continent: string;
  readonly isInEuropeanUnion: boolean;
  readonly asnum: number;
  readonly city: string;
  readonly postalCode: string;
  readonly metroCode: string;
  readonly region: string;
  readonly regionCode: string;
  readonly latitude: string;
  readonly longitude: string;
  readonly timezone: string;
  readonly subdivision1: string;
  readonly subdivision2: string;
}

/** Finds an address's place; null where no database has it. */
export type FindPlace = (address: string) => Place | null;

/** The members that are read of a record: those of GeoLite2 City, Country and ASN, and of what has the same names. */
interface GeoRecord {
  readonly country?: { readonly iso_code?: string; readonly is_in_european_union?: boolean };
  readonly continent?: { readonly code?: string };
  readonly autonomous_system_number?: number;
  readonly city?: Named;
  readonly postal?: { readonly code?: string };
  readonly location?: {
    readonly latitude?: number;
    readonly longitude?: number;
    readonly metro_code?: number;
    readonly time_zone?: string;
  };
  readonly subdivisions?: readonly (Named & { readonly iso_code?: string })[];
}

interface Named {
  readonly names?: { readonly en?: string };
}

/**
 * Opens databases in MaxMind's format; where several know an address, their records are put together. Throws what the system says,
 * or an error that names the file.
 */
export function openGeoDatabases(files: readonly string[]): FindPlace {
  const readers = files.map(openReader);
  return (address) => {
    const records = readers.map((reader) => reader.get(address) as GeoRecord | null).filter((one) => one !== null);
    return records.length === 0 ? null : placeOf(Object.assign({}, ...records) as GeoRecord);
  };
}

function openReader(file: string): Reader<Response> {
  const bytes = readFileSync(file);
  try {
    return new Reader<Response>(bytes);
  } catch {
    throw new Error(`${file} is not a database in MaxMind's format.`);
  }
}

function placeOf({ country, continent, city, postal, location, subdivisions, ...record }: GeoRecord): Place {
  const [first, second] = subdivisions ?? [];
  const iso = (code: string | undefined) => (code === undefined ? '' : `${country?.iso_code ?? ''}-${code}`);
  return {
    country: country?.iso_code ?? '',
    continent: continent?.code ?? '',
    isInEuropeanUnion: country?.is_in_european_union ?? false,
    asnum: record.autonomous_system_number ?? 0,
    city: latin1(city?.names?.en),
    postalCode: latin1(postal?.code),
    metroCode: String(location?.metro_code ?? ''),
    region: latin1(first?.names?.en),
    regionCode: first?.iso_code ?? '',
    latitude: String(location?.latitude ?? ''),
    longitude: String(location?.longitude ?? ''),
    timezone: location?.time_zone ?? '',
    subdivision1: iso(first?.iso_code),
    subdivision2: iso(second?.iso_code),
  };
}

function latin1(text: string | undefined): string {
  return Buffer.from(text ?? '', 'utf8').toString('latin1');
}
