// How a verb ends: exit codes, and the one line (with what to do) that a person sees when it could not do its work.

export const exitCode = { ok: 0, failed: 1, usage: 2 } as const;

export class Failure extends Error {
  override readonly name = 'Failure';
  readonly help: string;
  readonly exitCode: number;

  constructor(message: string, help = '', code: number = exitCode.failed) {
    super(message);
    this.help = help;
    this.exitCode = code;
  }
}

export const usageFailure = (message: string, help = ''): Failure => new Failure(message, help, exitCode.usage);

/** `message (help)` of any error; errors of our rooms carry their help. */
export function failureText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error && typeof error.code === 'string' && /^(?:LAT|STORE_)/.test(error.code) ? `${error.code} ` : '';
  const help = 'help' in error && typeof error.help === 'string' && error.help !== '' ? ` (${error.help})` : '';
  return `${code}${error.message}${help}`;
}
