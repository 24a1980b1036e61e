// What broke in the host agent's machinery: an error with a stable code and what to do about it. Thrown all over this room.

/**
 * `LAT0801` no Envoy, `LAT0802` not our Envoy, `LAT0803` its admin interface does not answer, `LAT0804` a Unix socket's path is
 * too long, `LAT0805` the run folder cannot be used, `LAT0806` no tool for redirection, `LAT0807` redirection refused,
 * `LAT0808` no bootstrap can be made.
 */
export type NodeErrorCode = 'LAT0801' | 'LAT0802' | 'LAT0803' | 'LAT0804' | 'LAT0805' | 'LAT0806' | 'LAT0807' | 'LAT0808';

export class NodeError extends Error {
  override readonly name = 'NodeError';
  readonly code: NodeErrorCode;
  /** What to do, in one clause. */
  readonly help: string;

  constructor(code: NodeErrorCode, message: string, help: string, options?: ErrorOptions) {
    super(`${code}: ${message} (${help})`, options);
    this.code = code;
    this.help = help;
  }
}
