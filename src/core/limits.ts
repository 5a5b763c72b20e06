/** Sizes in bytes and times in milliseconds that bound every connection (spec/origin-pulls.md 4.2; `own` where silent). */
export interface Limits {
  readonly requestHead: number;
  readonly responseHead: number;
  /** 1xx responses before the final one; their fields together may be as long as one head. Own. */
  readonly interimResponses: number;
  /** From the first byte of a request head to its last. Own. */
  readonly requestHeadTime: number;
  /** TLS handshake with a visitor. Own. */
  readonly visitorHandshake: number;
  /** A visitor that neither sends nor takes bytes in the middle of a message. Own. */
  readonly visitorStall: number;
  /** A visitor's connection between two requests. */
  readonly visitorIdle: number;
  readonly connect: number;
  /** TLS handshake with an origin. Own. */
  readonly originHandshake: number;
  /** From the end of the request to the response head, and between two reads of the response. */
  readonly originRead: number;
  /** An origin that does not take the request's bytes. */
  readonly originWrite: number;
  readonly originIdle: number;
  /** Upgraded connections without a byte in either direction. Own. */
  readonly tunnelIdle: number;
  /** How long visitors that are told of a coming end may still ask. Own. */
  readonly drainNotice: number;
  /** How long busy connections may go on after a drain began or their identity went. Own. */
  readonly drain: number;
  /** How long a refused visitor's bytes are still read, so that it gets to see the answer. Own. */
  readonly linger: number;
}

/** The limits in force where nothing else is said. */
export const DEFAULT_LIMITS: Limits = {
  requestHead: 128 * 1024,
  responseHead: 128 * 1024,
  interimResponses: 100,
  requestHeadTime: 30_000,
  visitorHandshake: 15_000,
  visitorStall: 60_000,
  visitorIdle: 400_000,
  connect: 19_000,
  originHandshake: 15_000,
  originRead: 125_000,
  originWrite: 30_000,
  originIdle: 900_000,
  tunnelIdle: 400_000,
  drainNotice: 5_000,
  drain: 30_000,
  linger: 2_000,
};
