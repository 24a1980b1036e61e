// How a call of the API is refused: an HTTP status with a message and what to do. Thrown by handlers, answered by app.ts.

export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: 400 | 404 | 409 | 413 | 501;
  readonly help: string;

  constructor(status: ApiError['status'], message: string, help = '') {
    super(message);
    this.status = status;
    this.help = help;
  }
}
