const IDS = '([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}';
/** Version 00 is exactly this long; a higher one may go on after a dash (W3C Trace Context section 3.2.2). */
const TRACEPARENT = new RegExp(`^(?:00-${IDS}|(?!00|ff)[0-9a-f]{2}-${IDS}(?:-.*)?)$`);
const NO_ID = /^0+$/;

/** The trace id of a `traceparent` field, or empty where there is none that is valid. */
export function traceIdOf(traceparent: string | null): string {
  const parts = traceparent === null ? null : TRACEPARENT.exec(traceparent);
  if (parts === null) return '';
  const [, traceId = parts[3]!, parentId = parts[4]!] = parts;
  return NO_ID.test(traceId) || NO_ID.test(parentId) ? '' : traceId;
}
