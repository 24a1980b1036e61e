// gRPC's status names and numbers (the canonical codes of google.rpc.Code).

const names = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
] as const;

/** The number of a status name, or undefined for a word that is none. */
export function grpcStatusNumber(name: string): number | undefined {
  const number = (names as readonly string[]).indexOf(name);
  return number < 0 ? undefined : number;
}
