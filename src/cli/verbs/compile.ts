// lateen compile: the Envoy configuration of one proxy from manifests alone. The contract of its input and output is docs' compile page.

import type { Delivery } from '../../compile/configuration.ts';
import { deliveries } from '../../compile/delivery.ts';
import { usageFailure } from '../failure.ts';
import { defineVerb, files, oneOf, output } from '../verb.ts';

export interface CompileOptions {
  readonly file?: readonly string[];
  readonly node?: string;
  readonly workload?: string;
  readonly meshConfig?: string;
  readonly meshNetworks?: string;
  readonly clusterId: string;
  readonly remoteCluster?: readonly string[];
  readonly delivery: Delivery;
  readonly output: string;
  readonly strict?: boolean;
}

export const verb = defineVerb<CompileOptions>({
  define: (command) =>
    files(command, 'manifests: files, folders, or - for standard input')
      .option('--node <file>', 'the proxy, as an Envoy Node in JSON')
      .option('--workload <name>', 'the proxy of a workload: NAME or NAME.NAMESPACE')
      .option('--mesh-config <file>', 'MeshConfig YAML over Istio’s defaults')
      .option('--mesh-networks <file>', 'MeshNetworks YAML: which addresses are on which network, and the gateways between them')
      .option('--cluster-id <id>', 'the name of the primary cluster', 'Kubernetes')
      .option('--remote-cluster <id=file...>', 'the Kubernetes objects of another cluster; can be given again')
      .option(
        '--delivery <mode>',
        'eager: all that the proxy can see; demand: what it starts with',
        oneOf('delivery', deliveries),
        'eager',
      )
      .option(...output('json', 'yaml', 'table'))
      .option('--strict', 'exit 1 when an object has an error'),
  examples: [
    ['lateen compile -f manifests/ --workload productpage-v1 -o table', 'an overview of one proxy'],
    ['lateen compile -f manifests/ --node node.json -o json', 'everything, for a program'],
  ],
  async run({ options, terminal }) {
    if (options.file === undefined) throw usageFailure('no manifest given', 'name a file, a folder or - with -f');
    if ((options.node === undefined) === (options.workload === undefined)) {
      throw usageFailure('which proxy?', 'give either --node NODE.json or --workload NAME[.NS]');
    }
    const { compileFiles } = await import('../compile/run.ts');
    return compileFiles({ ...options, file: options.file }, terminal);
  },
});
