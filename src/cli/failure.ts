// How a verb ends: exit codes, and the one line (with what to do) that a person sees when it could not do its work.

export const exitCode = { ok: 0, failed: 1, usage: 2 } as const;

export class Failure extends Error {
  override readonly name = 'Failure';
  /** The code of what failed elsewhere: in the mesh that was asked. */
  readonly code: string | undefined;
  readonly help: string;
  readonly exitCode: number;

  constructor(message: string, help = '', exit: number = exitCode.failed, code?: string) {
    super(message);
    this.help = help;
    this.exitCode = exit;
    this.code = code;
  }
}

export const usageFailure = (message: string, help = ''): Failure => new Failure(message, help, exitCode.usage);
