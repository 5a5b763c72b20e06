/** gRPC's status for an answer of the edge's own, as gRPC itself reads HTTP statuses; the edge's are finer where that helps. */
const STATUSES: Readonly<Record<number, number>> = {
  400: 13,
  401: 16,
  403: 7,
  404: 12,
  408: 4,
  413: 8,
  429: 8,
  431: 8,
  501: 12,
  524: 4,
};
const UNAVAILABLE = 14;

/** The fields of an answer that a gRPC client understands: trailers only, with the status in them (gRPC over HTTP/2, "Responses"). */
export function grpcAnswer(status: number, message: string): Readonly<Record<string, string>> {
  return {
    'Content-Type': 'application/grpc',
    'grpc-status': String(STATUSES[status] ?? UNAVAILABLE),
    'grpc-message': percentEncode(message),
  };
}

/** Percent-encoding of `grpc-message`: everything but printable ASCII, and the percent sign itself. */
function percentEncode(text: string): string {
  return text.replace(/[^ -$&-~]/g, (character) => encodeURIComponent(character));
}
