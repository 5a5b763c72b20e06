import { children, DerError, type Element, expectTag, hex, readElement, readOid, TAG } from './der.ts';
import { ATTRIBUTE_NAMES, dotted } from './oid.ts';

const TEXT_TAGS: readonly number[] = [TAG.utf8String, TAG.printableString, TAG.ia5String];

/** A distinguished name as text (RFC 4514): most specific part first, as `openssl x509 -nameopt RFC2253` shows it. */
export function nameText(name: Uint8Array): string {
  return children(readElement(name, TAG.sequence)).map(relativeNameText).reverse().join(',');
}

function relativeNameText(set: Element): string {
  const attributes = children(expectTag(set, TAG.set));
  if (attributes.length === 0) throw new DerError('an empty part of a name');
  return attributes
    .map((attribute) => {
      const [type, value] = children(expectTag(attribute, TAG.sequence));
      if (value === undefined) throw new DerError('an attribute without a value');
      const oid = readOid(type);
      const text = TEXT_TAGS.includes(value.tag) ? decode(value.content) : null;
      return `${ATTRIBUTE_NAMES[oid] ?? dotted(oid)}=${text === null ? `#${hex(value.bytes).toUpperCase()}` : escapeValue(text)}`;
    })
    .reverse()
    .join('+');
}

function decode(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

/** RFC 4514 section 2.4: no value can look like another attribute. */
function escapeValue(text: string): string {
  return text
    .replace(/[\\"+,;<>]/g, '\\$&')
    .replace(/^[ #]/, '\\$&')
    .replace(/(?<=.) $/s, '\\ ')
    .replace(
      /[\0-\x1f\x7f]/g,
      (character) => `\\${character.charCodeAt(0).toString(16).padStart(2, '0').toUpperCase()}`,
    );
}
