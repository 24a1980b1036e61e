// lateen why: what becomes of a request, and which object and line makes it so. Asked of files, of a dump, or of the running mesh;
// or what became of one that happened there.

import { usageFailure } from '../failure.ts';
import { defineVerb, namespaced, online, output, repeated, type OnlineOptions } from '../verb.ts';

export interface WhyOptions extends OnlineOptions {
  readonly file?: readonly string[];
  readonly dump?: readonly string[];
  readonly inbound?: boolean;
  readonly from?: string;
  readonly gateway?: string;
  readonly namespace?: string;
  readonly header?: readonly string[];
  readonly sni?: string;
  readonly alpn?: string;
  readonly sourceIp?: string;
  readonly identity?: string;
  readonly jwt?: string;
  readonly http10?: boolean;
  readonly http2?: boolean;
  readonly meshConfig?: string;
  readonly meshNetworks?: string;
  readonly clusterId: string;
  readonly remoteCluster?: readonly string[];
  readonly verbose?: boolean;
  readonly fail?: boolean;
  readonly output: string;
}

export const verb = defineVerb<WhyOptions>({
  define: (command) =>
    online(
      namespaced(
        command
          .argument('<what>', 'an HTTP method, tcp, or dns; or the id of a request that happened')
          .argument('[url]', 'a URL; HOST:PORT after tcp; a name after dns'),
      ),
    )
      .option(
        '-f, --file <path>',
        'manifests instead of the running mesh: a file, a folder, or - for standard input; can be given again',
        repeated,
      )
      .option(
        '--dump <file>',
        'one Envoy, Istio’s too, instead of a mesh: its /config_dump, or what istioctl proxy-config prints; can be given again',
        repeated,
      )
      .option('--inbound', 'with --dump: the request comes to the proxy’s own workload (--identity says from whom)')
      .option('--from <workload>', 'who asks: NAME or NAME.NAMESPACE (default: a plain workload of the namespace)')
      .option('--gateway <workload>', 'the gateway that is asked from outside')
      .option('-H, --header <header>', 'a header of the request, as "Name: value"; can be given again', repeated)
      .option('--sni <name>', 'the server name in the caller’s own TLS (default: the URL’s host)')
      .option('--alpn <protocols>', 'what the caller’s own TLS offers, with commas')
      .option('--source-ip <address>', 'the caller’s address')
      .option('--identity <uri>', 'what the certificate says that a caller from outside shows')
      .option('--jwt <token>', 'a token, or its claims as JSON; its signature is taken to be right')
      .option('--http1.0', 'ask in HTTP/1.0')
      .option('--http2', 'ask in HTTP/2')
      .option('--mesh-config <file>', 'with -f: MeshConfig YAML over Istio’s defaults')
      .option('--mesh-networks <file>', 'with -f: MeshNetworks YAML, the networks and the gateways between them')
      .option('--cluster-id <id>', 'with -f: the name of the primary cluster', 'Kubernetes')
      .option('--remote-cluster <id=file>', 'with -f: the Kubernetes objects of another cluster; can be given again', repeated)
      .option('-v, --verbose', 'every detail of every step')
      .option('--fail', 'exit 1 unless all of it arrives, or is answered with less than 400')
      .option(...output('text', 'json', 'yaml')),
  examples: [
    ['lateen why GET http://reviews:9080/', 'what a call of reviews meets, from its caller to its server'],
    ['lateen why --from productpage-v1 POST http://ratings:9080/ratings/0 -H "end-user: jason"', 'asked by a workload'],
    ['lateen why --gateway istio-ingressgateway.istio-system GET http://bookinfo.example/productpage', 'from outside'],
    ['lateen why 6d3f21b4', 'a request that lateen requests has shown: the cause, the object, the fix'],
    ['lateen why -f manifests/ tcp db:5432', 'a connection, with nothing running'],
    ['lateen why --dump dump.json GET http://reviews:9080/', 'what an Envoy of Istio’s would do'],
  ],
  completes: ['questions', 'destinations'],
  async run({ args, options, terminal }) {
    if (options.dump !== undefined && options.file !== undefined)
      throw usageFailure('-f and --dump are two different worlds', 'give one of them');
    const unused = (['meshConfig', 'meshNetworks', 'remoteCluster'] as const).find(
      (each) => options.file === undefined && options[each] !== undefined,
    );
    if (unused !== undefined)
      throw usageFailure(
        `--${unused.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)} goes with manifests`,
        'give them with -f',
      );
    const [{ questionOf }, { why }] = await Promise.all([import('../why/question.ts'), import('../why/run.ts')]);
    const question = questionOf(args);
    if (question.kind === 'happened') {
      if (options.file !== undefined || options.dump !== undefined)
        throw usageFailure('a request that happened is known to the running mesh only', 'leave out -f and --dump');
      const { whyHappened } = await import('../why/happened.ts');
      return whyHappened(question.id, options, terminal);
    }
    return why(question, options, terminal);
  },
});
