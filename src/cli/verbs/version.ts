// lateen version: the versions of this program, of the Envoy it runs, and of the mesh that is running.

import { connect } from '../client.ts';
import { exitCode, Failure } from '../failure.ts';
import type { VersionAnswer } from '../../control/api/contract.ts';
import { isStructured, printStructured } from '../structured.ts';
import { version } from '../../control/version.ts';
import { defineVerb, online, output, type OnlineOptions } from '../verb.ts';

interface Options extends OnlineOptions {
  readonly output: string;
  readonly offline?: boolean;
}

export const verb = defineVerb<Options>({
  define: (command) =>
    online(command)
      .option(...output('text', 'json', 'yaml'))
      .option('--offline', 'do not ask the running mesh'),
  examples: [['lateen version -o json', 'for a program']],
  async run({ options, terminal }) {
    const { envoyVersion } = await import('../../node/envoy-binary.ts');
    const mesh = options.offline === true ? undefined : await running(options);
    const versions = { lateen: version(), envoy: envoyVersion, node: process.versions.node, ...(mesh && { mesh: mesh.version }) };
    if (isStructured(options.output)) await printStructured(versions, options.output, terminal);
    else for (const [what, text] of Object.entries(versions)) terminal.line(`${what}: ${text}`);
    return exitCode.ok;
  },
});

async function running(options: Options): Promise<VersionAnswer | undefined> {
  try {
    return await connect(options).get<VersionAnswer>('/v1/version');
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}
