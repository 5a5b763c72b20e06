import { Buffer } from 'node:buffer';

const BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----([\sA-Za-z0-9+/=]*)-----END \1-----/g;

/** The blocks of one label in a PEM text (RFC 7468), as DER. Throws where a block is cut off, malformed or a private key. */
export function readPem(text: string, label: string): Buffer[] {
  const blocks = [...text.matchAll(BLOCK)];
  if (blocks.length !== text.split('-----BEGIN').length - 1)
    throw new Error('it holds a PEM block that is cut off or malformed');
  if (blocks.some(([, found]) => found!.endsWith('PRIVATE KEY')))
    throw new Error('it holds a private key, which does not belong there');
  const wrong = blocks.find(([, found]) => found !== label);
  if (wrong !== undefined) throw new Error(`it holds a PEM block "${wrong[1]}", where only "${label}" belongs`);
  if (blocks.length === 0) throw new Error(`it holds no PEM block "${label}"`);
  return blocks.map(([, , body]) => {
    const base64 = body!.replace(/\s+/g, '');
    const der = Buffer.from(base64, 'base64');
    if (der.length === 0 || der.toString('base64') !== base64)
      throw new Error('it holds a PEM block whose base64 is malformed');
    return der;
  });
}
