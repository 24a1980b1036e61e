// What broke in the laptop platform's machinery: an error with a stable code and what to do about it. Thrown all over this room.

export type LocalErrorCode =
  | 'TOOL_MISSING'
  | 'NO_NAMESPACES'
  | 'SANDBOX_FAILED'
  | 'STATE_FOLDER'
  | 'ALREADY_RUNNING'
  | 'COMMAND_FAILED'
  | 'NO_SUCH_POD'
  | 'NO_SUCH_CONTAINER';

export class LocalError extends Error {
  override readonly name = 'LocalError';
  readonly code: LocalErrorCode;
  /** What to do, in one clause. */
  readonly help: string;

  constructor(code: LocalErrorCode, message: string, help: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.help = help;
  }
}
