// lateen control: the control plane alone, on watched manifests and on what is applied.

import type { Delivery } from '../../compile/configuration.ts';
import { deliveries } from '../../compile/delivery.ts';
import type { ControlOptions } from '../../control/control-plane.ts';
import { usageFailure } from '../failure.ts';
import { defineVerb, files, oneOf, online, type OnlineOptions } from '../verb.ts';

interface Options extends OnlineOptions {
  readonly file?: readonly string[];
  readonly xds: string;
  readonly xdsTls: string;
  readonly http: string;
  readonly meshConfig?: string;
  readonly delivery: Delivery;
  readonly logLevel: string;
}

export const verb = defineVerb<Options>({
  define: (command) =>
    online(files(command, 'manifests to watch: files or folders'))
      .option('--xds <address>', 'plaintext xDS: HOST:PORT, or off; beyond loopback only if you say so', '127.0.0.1:15010')
      .option('--xds-tls <address>', 'xDS and certificates over TLS: HOST:PORT, or off', ':15012')
      .option('--http <address>', 'metrics, health and the read-only debug API: HOST:PORT, or off', '127.0.0.1:15014')
      .option('--mesh-config <file>', 'MeshConfig YAML over Istio’s defaults')
      .option(
        '--delivery <mode>',
        'demand: to proxies that can, what they call; eager: to all, everything',
        oneOf('delivery', deliveries),
        'demand',
      )
      .option('--log-level <level>', 'trace, debug, info, warn, error, silent', 'info'),
  examples: [
    ['lateen control -f manifests/', 'serve the objects of a folder, as they change'],
    ['lateen control --state /var/lib/lateen', 'serve what lateen apply puts there'],
    ['lateen control -f manifests/ --xds 0.0.0.0:15010', 'plaintext for other hosts, too'],
  ],
  async run({ options, terminal }) {
    const [{ parseAddress }, { stateFolder }, { runControl }] = await Promise.all([
      import('../../control/address.ts'),
      import('../../control/state-folder.ts'),
      import('../run-control.ts'),
    ]);
    const address = (option: string, text: string) => {
      if (text === 'off') return undefined;
      const parsed = parseAddress(text);
      if (parsed === undefined) throw usageFailure(`${option} ${text} is not an address`, 'write IP:PORT, :PORT, PORT or off');
      return parsed;
    };
    const [plaintext, tls, http] = [
      address('--xds', options.xds),
      address('--xds-tls', options.xdsTls),
      address('--http', options.http),
    ];
    const listen: ControlOptions['listen'] = { ...(plaintext && { plaintext }), ...(tls && { tls }), ...(http && { http }) };
    const state = stateFolder(options.state, process.env);
    return runControl(
      {
        state,
        files: options.file ?? [],
        meshConfig: options.meshConfig,
        listen,
        delivery: options.delivery,
        logLevel: options.logLevel,
      },
      terminal,
    );
  },
});
