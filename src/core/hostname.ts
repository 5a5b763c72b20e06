// Looked at before it is put into lower case: the Kelvin sign would turn into a k.
const LABEL = /^(?!-)[A-Za-z0-9_-]{1,63}(?<!-)$/;

/**
 * The one spelling of a hostname that every lookup uses: lower case, without the trailing dot of a fully qualified
 * name (RFC 1034 section 3.1). Null for what is not a hostname in ASCII form: empty or over 253 characters, a label
 * that is empty, over 63 characters or starts or ends with a hyphen (RFC 1123 section 2.1; underscores are taken, as
 * in DNS names), an IPv4 address. A leading `*.` label is not accepted here: see `canonicalRecordName`.
 */
export function canonicalHostname(name: string): string | null {
  const relative = name.endsWith('.') ? name.slice(0, -1) : name;
  if (relative.length === 0 || relative.length > 253) return null;
  const labels = relative.split('.');
  for (const label of labels) if (!LABEL.test(label)) return null;
  return /^\d+$/.test(labels.at(-1)!) ? null : relative.toLowerCase();
}

/** As `canonicalHostname`, and a first label `*` is accepted: the name of a wildcard DNS record (RFC 4592). */
export function canonicalRecordName(name: string): string | null {
  if (!name.startsWith('*.')) return canonicalHostname(name);
  const rest = canonicalHostname(name.slice(2));
  return rest === null ? null : `*.${rest}`;
}

/** True where `hostname` is the zone's apex or lies below it. Both in canonical spelling. */
export function isWithinZone(hostname: string, zoneName: string): boolean {
  return hostname === zoneName || hostname.endsWith(`.${zoneName}`);
}

/** The names that could cover `hostname`, closest first: itself, then the wildcards of each of its parents. */
export function* coveringNames(hostname: string): Generator<string> {
  yield hostname;
  for (let dot = hostname.indexOf('.'); dot >= 0; dot = hostname.indexOf('.', dot + 1)) {
    yield `*${hostname.slice(dot)}`;
  }
}

/** The zone names that could hold `hostname`, longest first: itself and each of its parents. */
export function* enclosingNames(hostname: string): Generator<string> {
  yield hostname;
  for (let dot = hostname.indexOf('.'); dot >= 0; dot = hostname.indexOf('.', dot + 1)) {
    yield hostname.slice(dot + 1);
  }
}
