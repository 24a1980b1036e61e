// The list of verbs, in the order of the help. A new verb is one file and one line here.

import type { Verb } from '../verb.ts';

export interface VerbEntry {
  readonly name: string;
  readonly summary: string;
  readonly load: () => Promise<Verb>;
}

const entry = (name: string, summary: string, load: () => Promise<{ readonly verb: unknown }>): VerbEntry => ({
  name,
  summary,
  load: async () => (await load()).verb as Verb,
});

export const verbs: readonly VerbEntry[] = [
  entry('up', 'Start the mesh and run manifests in it', () => import('./up.ts')),
  entry('down', 'Stop the mesh and remove everything it made', () => import('./down.ts')),
  entry('status', 'Show workloads, their proxies and whether configuration has arrived', () => import('./status.ts')),
  entry('ps', 'Show pods and their containers', () => import('./ps.ts')),
  entry('apply', 'Create or change objects from manifests', () => import('./apply.ts')),
  entry('get', 'Show objects', () => import('./get.ts')),
  entry('delete', 'Delete objects', () => import('./delete.ts')),
  entry('wait', 'Wait until objects have reached every proxy that needs them', () => import('./wait.ts')),
  entry(
    'validate',
    'Check manifests, with nothing running; analyze looks at the whole mesh besides',
    () => import('./validate.ts'),
  ),
  entry('analyze', 'Find what is wrong or not meant, in manifests or in the running mesh', () => import('./analyze.ts')),
  entry('logs', 'Show what a workload printed', () => import('./logs.ts')),
  entry('requests', 'Show the requests that have happened, and how they ended', () => import('./requests.ts')),
  entry('scope', 'Show what a workload has called, and the Sidecar that says so', () => import('./scope.ts')),
  entry('exec', 'Run a command inside a workload', () => import('./exec.ts')),
  entry(
    'why',
    'Explain what becomes of a request, or became of one, and which object and line makes it so',
    () => import('./why.ts'),
  ),
  entry('plan', 'Show what manifests would change, workload by workload', () => import('./plan.ts')),
  entry('test', 'Check what becomes of requests against tests, with nothing running', () => import('./test.ts')),
  entry('proxy', 'Show what a workload’s Envoy holds', () => import('./proxy.ts')),
  entry('compile', 'Print the Envoy configuration of a proxy, with nothing running', () => import('./compile.ts')),
  entry('control', 'Run the control plane alone', () => import('./control.ts')),
  entry('completion', 'Print a completion script for a shell', () => import('./completion.ts')),
  entry('version', 'Print versions', () => import('./version.ts')),
];
