// lateen version: the versions of this program, of the Envoy it runs, and of the mesh that is running.

import { connect } from '../client.ts';
import { exitCode, Failure, usageFailure } from '../failure.ts';
import type { VersionAnswer } from '../../control/api/contract.ts';
import { version } from '../../control/version.ts';
import { defineVerb, online, type OnlineOptions } from '../verb.ts';

interface Options extends OnlineOptions {
  readonly output: string;
  readonly offline?: boolean;
}

export const verb = defineVerb<Options>({
  define: (command) =>
    online(command).option('-o, --output <format>', 'text, json', 'text').option('--offline', 'do not ask the running mesh'),
  examples: [['lateen version -o json', 'for a program']],
  async run({ options, terminal }) {
    if (!['text', 'json'].includes(options.output))
      throw usageFailure(`there is no format ${options.output}`, 'use text or json');
    const { envoyVersion } = await import('../../node/envoy-binary.ts');
    const mesh = options.offline === true ? undefined : await running(options);
    const versions = { lateen: version(), envoy: envoyVersion, node: process.versions.node, ...(mesh && { mesh: mesh.version }) };
    if (options.output === 'json') terminal.line(JSON.stringify(versions, null, 2));
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
