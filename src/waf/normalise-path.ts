const UNUSUAL = /[%\\]|\/\/|\/\.|\/$/;
const UNRESERVED = /[A-Za-z0-9\-._~]/;

/**
 * The one spelling of a path that rules look at: back slashes and repeated slashes as one slash, percent-encoding only where
 * it is needed and in upper case, dot segments removed (RFC 3986 section 6.2.2). What the origin gets stays as it was sent.
 */
export function normalisePath(path: string): string {
  if (!UNUSUAL.test(path) || !path.startsWith('/')) return path;
  const decoded = path.replace(/%([0-9A-Fa-f]{2})/g, (whole, digits: string) => {
    const character = String.fromCharCode(Number.parseInt(digits, 16));
    return UNRESERVED.test(character) ? character : whole.toUpperCase();
  });
  return removeDotSegments(decoded.replaceAll('\\', '/').replace(/\/{2,}/g, '/'));
}

/** RFC 3986 section 5.2.4, for a path that begins with a slash. */
function removeDotSegments(path: string): string {
  if (!path.includes('/.')) return path;
  const segments: string[] = [];
  const parts = path.split('/').slice(1);
  parts.forEach((part, i) => {
    const isLast = i === parts.length - 1;
    if (part === '..') segments.pop();
    else if (part !== '.') segments.push(part);
    if (isLast && (part === '.' || part === '..')) segments.push('');
  });
  return `/${segments.join('/')}`;
}
