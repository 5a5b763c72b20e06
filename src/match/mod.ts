export {
  type Address,
  addressBits,
  compareAddresses,
  formatAddress,
  networkOf,
  parseAddress,
  parsePeer,
} from './address.ts';
export {
  type AddressRange,
  type AddressSet,
  addressSet,
  parseAddressRange,
  type RangeProblem,
} from './address-set.ts';
export { bytesOf, hexDigit, lowerAscii, upperAscii, utf8Bytes, utf8Text } from './bytes.ts';
export { compileRegex, type Regex } from './regex.ts';
export { RegexError } from './regex-syntax.ts';
export { remembered } from './remembered.ts';
export { type FindTexts, textAutomaton } from './text-automaton.ts';
export { compileWildcard, type Wildcard, type WildcardProblem } from './wildcard.ts';
