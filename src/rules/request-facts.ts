/** One header field: its name as sent, and its value. */
export type HeaderField = readonly [name: string, value: string];

/**
 * What a request is, for rules: given by the edge. All texts are latin1, one character a byte, but for what is canonical
 * anyhow (host, addresses). Members may be getters that work something out: each is read at most once an expression that uses it.
 * A member may change between phases (a rewrite changes `path` and `query`): a list that changes must be another array.
 */
export interface RequestFacts {
  /** As sent. */
  readonly method: string;
  readonly scheme: 'http' | 'https';
  /** Canonical: lower case, without a port. */
  readonly host: string;
  /** Path and query as sent, in origin-form. */
  readonly rawTarget: string;
  /** The path as it is now: normalised and rewritten. */
  readonly path: string;
  /** The query as it is now, without `?`; empty where there is none. */
  readonly query: string;
  readonly version: 'HTTP/1.0' | 'HTTP/1.1' | 'HTTP/2';
  /** In the order sent; `Host` and `Cookie` among them. */
  readonly headers: readonly HeaderField[];
  /** True where `headers` is not the whole list. */
  readonly areHeadersTruncated: boolean;
  readonly visitorAddress: string;
  readonly serverAddress: string;
  readonly serverPort: number;
  /** Null without TLS. */
  readonly tls: TlsFacts | null;
  /** The certificate that the visitor presented, verified or not; null where none was. */
  readonly visitorCertificate: VisitorCertificateFacts | null;
  readonly rayId: string;
  /** When the request's head was complete: milliseconds since the epoch. */
  readonly time: number;
  /** At least 16 random bytes as latin1, the same for the whole request. */
  readonly randomSeed: string;
  /** Null where there is no body. Asked for only by filters that say `needsBody`. */
  readonly body: BodyFacts | null;
  /** Null until its head is known. Asked for only by filters that say `needsResponse`. */
  readonly response: ResponseFacts | null;
  /** What the database says about the visitor's address; null where it says nothing. Asked for only with `hasGeo`. */
  readonly geo: GeoFacts | null;
  /** Asked for only once there is a response. */
  readonly timings: TimingFacts;
}

/** The visitor's TLS connection, in OpenSSL's names. */
export interface TlsFacts {
  /** `TLSv1.2`, `TLSv1.3`. */
  readonly version: string;
  readonly cipher: string;
}

/** A request's body, as far as it was read before the rules ran. */
export interface BodyFacts {
  readonly raw: string;
  /** Of the whole body, in bytes; what was read so far where the visitor did not say. */
  readonly size: number;
  /** True where `raw` is not the whole body. */
  readonly isTruncated: boolean;
}

/** The head of the response. */
export interface ResponseFacts {
  readonly status: number;
  /** As they are now, in order. */
  readonly headers: readonly HeaderField[];
  /** As they came, in order. */
  readonly rawHeaders: readonly HeaderField[];
  /** What kind of error page this is (`cf.response.error_type`); empty where it is none of ours. */
  readonly errorType: string;
  /** The code of an error page (`cf.response.1xxx_code`); 0 where there is none. */
  readonly errorCode: number;
}

/** Milliseconds. */
export interface TimingFacts {
  /** From the request's head to the response's head, without what the origin took. */
  readonly edge: number;
  /** From the request's last byte of head sent to the first byte of the response; 0 where no origin was asked. */
  readonly originFirstByte: number;
}

/** A relative name: attribute types by their short names (`CN`), in the certificate's order. */
export type NameParts = readonly (readonly [type: string, value: string])[];

/** What a visitor's certificate says. Hexadecimal texts as the fields have them. */
export interface VisitorCertificateFacts {
  /** True where it chains to what the zone trusts and is in its time, revoked or not. */
  readonly isVerified: boolean;
  readonly isRevoked: boolean;
  readonly subject: NameParts;
  readonly issuer: NameParts;
  /** Upper-case hexadecimal. */
  readonly serial: string;
  /** Upper-case hexadecimal; empty where the issuer's certificate is not known. */
  readonly issuerSerial: string;
  /** Lower-case hexadecimal. */
  readonly fingerprintSha256: string;
  /** Lower-case hexadecimal. */
  readonly fingerprintSha1: string;
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  /** Milliseconds since the epoch. */
  readonly notAfter: number;
  /** Upper-case hexadecimal; empty where there is none. */
  readonly subjectKeyId: string;
  /** Upper-case hexadecimal; empty where there is none. */
  readonly issuerKeyId: string;
  /** DER as latin1. */
  readonly der: string;
  /** DER as latin1 of what the visitor sent behind the leaf, in its order. */
  readonly chain: readonly string[];
}

/** What a geo database says about an address. Empty texts and 0 where it does not know. */
export interface GeoFacts {
  /** ISO 3166-1 alpha-2, upper case. */
  readonly country: string;
  /** Two letters. */
  readonly continent: string;
  readonly isInEuropeanUnion: boolean;
  readonly asnum: number;
  readonly city: string;
  readonly postalCode: string;
  readonly metroCode: string;
  readonly region: string;
  /** Without the country: `TX`. */
  readonly regionCode: string;
  readonly latitude: string;
  readonly longitude: string;
  readonly timezone: string;
  /** With the country: `GB-ENG`. */
  readonly subdivision1: string;
  readonly subdivision2: string;
}
