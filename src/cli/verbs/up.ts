// lateen up: the whole mesh in one process on this machine, with manifests running in it.

import type { Delivery } from '../../compile/configuration.ts';
import { deliveries } from '../../compile/delivery.ts';
import { defineVerb, files, oneOf, online, type OnlineOptions } from '../verb.ts';

export interface UpOptions extends OnlineOptions {
  readonly file?: readonly string[];
  readonly detach?: boolean;
  readonly images?: string;
  readonly publishAddress?: string;
  readonly meshConfig?: string;
  readonly workloadCertTtl?: string;
  readonly delivery: Delivery;
  readonly records: string;
}

export const verb = defineVerb<UpOptions>({
  define: (command) =>
    online(files(command, 'manifests to run: files and folders, watched for changes'))
      .option('-d, --detach', 'go to the background once everything runs')
      .option('--images <file>', 'which program an image stands for, besides the samples’')
      .option('--publish-address <address>', 'where the ingress gateway is published (default: 127.0.0.1)')
      .option('--mesh-config <file>', 'MeshConfig YAML over Istio’s defaults')
      .option(
        '--delivery <mode>',
        'demand: proxies get what they call; eager: all that they can see',
        oneOf('delivery', deliveries),
        'demand',
      )
      .option('--records <count>', 'access records to keep of each workload; 0: none', '2000')
      .option('--workload-cert-ttl <duration>', 'how long workload certificates hold (default: 24h)'),
  examples: [
    ['lateen up -f samples/bookinfo/bookinfo.yaml', 'run Bookinfo in the mesh; Ctrl-C ends it'],
    ['lateen up -f manifests/ -d', 'in the background; lateen down ends it'],
  ],
  async run({ options, terminal }) {
    const { up } = await import('../up.ts');
    return up(options, terminal);
  },
});
