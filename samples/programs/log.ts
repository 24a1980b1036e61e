// The log of a demo program: one JSON object a line on stdout, the shape every program here shares.

// A reader of the log that goes away (a closed pipe) must not end the program.
process.stdout.on('error', () => {});

export function log(level: 'info' | 'error', msg: string, fields: Readonly<Record<string, unknown>> = {}): void {
  process.stdout.write(`${JSON.stringify({ time: new Date().toISOString(), level, msg, ...fields })}\n`);
}

/** Says what is wrong with how the program was started, and ends it. */
export function refuseToStart(msg: string, fields: Readonly<Record<string, unknown>> = {}): never {
  log('error', msg, fields);
  process.exit(2);
}
