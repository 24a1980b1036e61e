// Milliseconds → google.protobuf.Duration.

export interface DurationInit {
  readonly seconds: bigint;
  readonly nanos: number;
}

export function duration(milliseconds: number): DurationInit {
  const whole = Math.trunc(milliseconds / 1000);
  return { seconds: BigInt(whole), nanos: Math.round((milliseconds - whole * 1000) * 1e6) };
}
