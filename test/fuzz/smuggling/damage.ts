import type { Draw } from '../../doubles/random.ts';

const BYTES = ['\r', '\n', '\0', ' ', '\t', ':', ';', ',', '\x0b', '\xff', '0', '\x85', '\xa0'];

/** Changes a few bytes of a latin1 text anywhere: inserts, replaces, removes or repeats some. */
export function damage(draw: Draw, text: string, changes = 1 + draw(3)): string {
  let out = text;
  for (let left = changes; left > 0; left--) {
    const at = draw(out.length + 1);
    const byte = draw(2) === 0 ? BYTES[draw(BYTES.length)]! : String.fromCharCode(draw(256));
    switch (draw(4)) {
      case 0:
        out = out.slice(0, at) + byte + out.slice(at);
        break;
      case 1:
        out = out.slice(0, at) + byte + out.slice(at + 1);
        break;
      case 2:
        out = out.slice(0, at) + out.slice(at + 1 + draw(4));
        break;
      default:
        out = out.slice(0, at) + out.slice(Math.max(0, at - draw(20)), at) + out.slice(at);
    }
  }
  return out;
}
