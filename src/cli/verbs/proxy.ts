// lateen proxy: shows what a workload's Envoy holds now, matches first, asked from the Envoy itself or read from its dump; and of all
// proxies, whether they have what there is for them.

import { nearest } from '../../api/suggestion.ts';
import { usageFailure } from '../failure.ts';
import { topicOf, topics, type Topic } from '../proxy/topics.ts';
import { defineVerb, namespaced, online, output, repeated, type OnlineOptions } from '../verb.ts';

export interface ProxyOptions extends OnlineOptions {
  readonly namespace?: string;
  readonly dump?: readonly string[];
  readonly output: string;
  readonly level?: string;
  readonly headers: boolean;
  readonly address?: string;
  readonly port?: string;
  readonly fqdn?: string;
  readonly subset?: string;
  readonly direction?: string;
  readonly name?: string;
  readonly type?: string;
  readonly status?: string;
  readonly cluster?: string;
}

export const verb = defineVerb<ProxyOptions>({
  define: (command) =>
    online(
      namespaced(
        command
          .argument('[workload]', 'productpage-v1, deploy/NAME, a pod, or NAME.NAMESPACE; without it, how far each proxy is')
          .argument('[topic]', topics.join(', ')),
      ),
    )
      .option(
        '--dump <file>',
        'an Envoy’s /config_dump instead of a workload, Istio’s too, or what istioctl proxy-config prints; can be given again',
        repeated,
      )
      .option(...output('table', 'wide', 'json', 'yaml', 'short'))
      .option('--address <address>', 'listeners and endpoints at this address')
      .option('--port <port>', 'what is for this port')
      .option('--fqdn <host>', 'routes, clusters and endpoints of hosts with this in their names')
      .option('--subset <subset>', 'clusters and endpoints of this subset')
      .option('--direction <direction>', 'listeners and clusters: inbound, outbound')
      .option('--name <name>', 'what has this in its Envoy name: a route table, a listener, a cluster, a secret')
      .option('--type <type>', 'listeners: HTTP or TCP; clusters: EDS, STRICT_DNS, …; secrets: certificate')
      .option('--status <status>', 'endpoints: HEALTHY, UNHEALTHY, …; secrets: valid, expired')
      .option('--cluster <cluster>', 'endpoints of this cluster')
      .option('--no-headers', 'leave out the heads of tables')
      .option('--level <level>', 'with log: set the level, for all loggers or as LOGGER:LEVEL, several with commas'),
  examples: [
    ['lateen proxy', 'each proxy, and whether it has what there is for it (istioctl proxy-status)'],
    ['lateen proxy productpage-v1 routes --fqdn reviews', 'what a request to reviews must match, and where it goes then'],
    ['lateen proxy reviews-v1 listeners --port 9080 -o wide', 'which connections its port takes, with all columns'],
    ['lateen proxy productpage-v1 endpoints --status unhealthy', 'servers that are left out'],
    ['lateen proxy reviews-v1 clusters -o json', 'its clusters as protobuf-JSON'],
    ['lateen proxy --dump config_dump.json routes', 'the same of any Envoy, with nothing running'],
    ['lateen proxy reviews-v1 log --level http:debug', 'set a logger’s level'],
  ],
  completes: ['workloads', topics],
  async run({ args, options, terminal }) {
    const { workload, topic } = askedOf(args, options);
    const run = await import('../proxy/run.ts');
    if (topic === 'log' || options.level !== undefined) {
      if (topic !== 'log' && topic !== undefined)
        throw usageFailure('--level is for the topic log', `leave out ${topic}, or --level`);
      if (workload === undefined || options.dump !== undefined)
        throw usageFailure('log levels are those of a running proxy', 'name its workload');
      return run.showLog(workload, options, terminal);
    }
    if (workload === undefined && options.dump === undefined) return run.showArrivals(options, terminal);
    return run.showConfiguration(workload, topic, options, terminal);
  },
});

interface Asked {
  readonly workload: string | undefined;
  readonly topic: Topic | undefined;
}

/** Either order of workload and topic: istioctl has the topic first. */
function askedOf([first, second]: readonly string[], { dump }: ProxyOptions): Asked {
  if (dump !== undefined) {
    if (second !== undefined) throw usageFailure('a dump is of one proxy', 'name a topic after it and no workload');
    return { workload: undefined, topic: first === undefined ? undefined : topicNamed(first) };
  }
  if (second === undefined) {
    const topic = first === undefined ? undefined : topicOf(first);
    // A workload of such a name is deploy/NAME.
    if (topic !== undefined && first === topic) throw usageFailure('which workload?', `lateen proxy WORKLOAD ${topic}`);
    return { workload: first, topic: undefined };
  }
  if (first !== undefined && topicOf(first) !== undefined && topicOf(second) === undefined)
    return { workload: second, topic: topicOf(first) };
  return { workload: first, topic: topicNamed(second) };
}

function topicNamed(word: string): Topic {
  const topic = topicOf(word);
  if (topic !== undefined) return topic;
  const meant = nearest(word, new Set(topics));
  throw usageFailure(
    `there is no topic ${word}`,
    meant === undefined ? `use ${topics.join(', ')}` : `did you mean ${meant}? There are ${topics.join(', ')}`,
  );
}
