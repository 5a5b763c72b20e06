/** How visitors ask: HTTP/1.1, HTTP/2, a WebSocket over either (RFC 6455, RFC 8441), and gRPC. */
export const VISITOR_PROTOCOLS = ['h1', 'h2', 'ws', 'ws over h2', 'grpc'] as const;

/** How origins are asked. A WebSocket reaches them over HTTP/1.1 whatever its visitor speaks. */
export const ORIGIN_PROTOCOLS = ['h1', 'h2', 'ws', 'grpc'] as const;

/** One of `VISITOR_PROTOCOLS`. */
export type VisitorProtocol = (typeof VISITOR_PROTOCOLS)[number];

/** One of `ORIGIN_PROTOCOLS`. */
export type OriginProtocol = (typeof ORIGIN_PROTOCOLS)[number];

/** Requests of each protocol, with a zero where there were none. */
export type Tally<T extends string> = Record<T, number>;

/** A tally without requests. */
export function emptyTally<T extends string>(protocols: readonly T[]): Tally<T> {
  return Object.fromEntries(protocols.map((protocol) => [protocol, 0])) as Tally<T>;
}

/** The protocols that no request used, each as a sentence: a run with one of them has shown less than it says. */
export function unusedProtocols(visitors: Tally<VisitorProtocol>, origins: Tally<OriginProtocol>): string[] {
  const unused = (tally: Readonly<Record<string, number>>) => Object.keys(tally).filter((name) => tally[name] === 0);
  return [
    ...unused(visitors).map((name) => `no visitor used ${name}`),
    ...unused(origins).map((name) => `no origin was asked by ${name}`),
  ];
}
