// What broke in the host agent's machinery: an error with a stable code and what to do about it. Thrown all over this room.

export type NodeErrorCode =
  | 'ENVOY_MISSING'
  | 'ENVOY_VERSION'
  | 'ENVOY_ADMIN'
  | 'SOCKET_PATH'
  | 'RUN_FOLDER'
  | 'REDIRECT_TOOL'
  | 'REDIRECT_APPLY'
  | 'BOOTSTRAP';

export class NodeError extends Error {
  override readonly name = 'NodeError';
  readonly code: NodeErrorCode;
  /** What to do, in one clause. */
  readonly help: string;

  constructor(code: NodeErrorCode, message: string, help: string, options?: ErrorOptions) {
    super(`${message} (${help})`, options);
    this.code = code;
    this.help = help;
  }
}
