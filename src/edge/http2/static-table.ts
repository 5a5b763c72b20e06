/** The static table (RFC 7541 Appendix A), in its order: name and value by turns. Index 1 is the first pair. */
const ENTRIES: readonly string[] = [
  ...[':authority', '', ':method', 'GET', ':method', 'POST', ':path', '/', ':path', '/index.html'],
  ...[':scheme', 'http', ':scheme', 'https'],
  ...[':status', '200', ':status', '204', ':status', '206', ':status', '304'],
  ...[':status', '400', ':status', '404', ':status', '500'],
  ...['accept-charset', '', 'accept-encoding', 'gzip, deflate', 'accept-language', '', 'accept-ranges', ''],
  ...['accept', '', 'access-control-allow-origin', '', 'age', '', 'allow', '', 'authorization', ''],
  ...['cache-control', '', 'content-disposition', '', 'content-encoding', '', 'content-language', ''],
  ...['content-length', '', 'content-location', '', 'content-range', '', 'content-type', '', 'cookie', ''],
  ...['date', '', 'etag', '', 'expect', '', 'expires', '', 'from', '', 'host', '', 'if-match', ''],
  ...['if-modified-since', '', 'if-none-match', '', 'if-range', '', 'if-unmodified-since', ''],
  ...['last-modified', '', 'link', '', 'location', '', 'max-forwards', '', 'proxy-authenticate', ''],
  ...['proxy-authorization', '', 'range', '', 'referer', '', 'refresh', '', 'retry-after', '', 'server', ''],
  ...['set-cookie', '', 'strict-transport-security', '', 'transfer-encoding', '', 'user-agent', ''],
  ...['vary', '', 'via', '', 'www-authenticate', ''],
];

/** Number of entries; an index above it means the dynamic table (RFC 7541 section 2.3.3). */
export const STATIC_LENGTH = 61;

/** Names by index; there is no index 0. */
export const STATIC_NAMES: readonly string[] = ['', ...ENTRIES.filter((_, at) => at % 2 === 0)];

/** Values by index. */
export const STATIC_VALUES: readonly string[] = ['', ...ENTRIES.filter((_, at) => at % 2 === 1)];
