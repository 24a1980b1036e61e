// Steady requests while a test changes things: from the host through the gateway, or from inside a pod through its sidecar.

import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { node, type RunningMesh } from './mesh.ts';

export interface LoadReport {
  readonly sent: number;
  /** The first twenty, each in a line. */
  readonly failures: readonly string[];
  /** How often a version (or a colour of stars) was named in the body. */
  readonly answers: Readonly<Record<string, number>>;
}

export interface LoadOptions {
  /** The pod that asks; the host otherwise. */
  readonly from?: string;
  readonly everyMs?: number;
  readonly workers?: number;
  /** Whether connections are kept for further requests. Default true. */
  readonly keepAlive?: boolean;
}

const program = fileURLToPath(new URL('load-program.ts', import.meta.url));

export class Load {
  readonly #child: ChildProcess;
  #out = '';

  constructor(
    mesh: Pick<RunningMesh, 'execute'>,
    url: string,
    { from, everyMs = 10, workers = 2, keepAlive = true }: LoadOptions = {},
  ) {
    const [file, ...args] = [
      node,
      '--disable-warning=ExperimentalWarning',
      program,
      url,
      ...[everyMs, workers, keepAlive].map(String),
    ];
    this.#child = from === undefined ? spawn(file ?? '', args) : mesh.execute(from, [node, ...args]);
    for (const output of [this.#child.stdout, this.#child.stderr])
      output?.setEncoding('utf8').on('data', (text: string) => (this.#out += text));
  }

  /** Ends it and answers what came of it. */
  async stop(): Promise<LoadReport> {
    this.#child.stdin?.end();
    await once(this.#child, 'close');
    assert.match(this.#out, /^\{/, this.#out);
    return JSON.parse(this.#out) as LoadReport;
  }
}

/** Runs `change` under load; fails when a single request did. */
export async function withoutFailure(load: Load, change: () => Promise<void>): Promise<LoadReport> {
  let report: LoadReport;
  try {
    await change();
  } finally {
    report = await load.stop();
  }
  assert.deepEqual(report.failures, [], `${report.sent} requests`);
  assert.ok(report.sent > 100, `only ${report.sent} requests`);
  return report;
}
