// lateen proxy: shows what a workload's Envoy holds now, asked from the Envoy itself.

import { parts, type Part } from '../../control/configuration-parts.ts';
import { connect, type Client } from '../client.ts';
import { exitCode, Failure, usageFailure } from '../failure.ts';
import { defineVerb, namespaced, online, type OnlineOptions } from '../verb.ts';

interface Options extends OnlineOptions {
  readonly namespace?: string;
  readonly output: string;
  readonly level?: string;
}

/** `GET /v1/proxy` answers what Envoy's admin interface did. */
interface AdminAnswer {
  readonly status: number;
  readonly body: string;
}

const topics: readonly string[] = [...parts, 'log'];

export const verb = defineVerb<Options>({
  define: (command) =>
    online(
      namespaced(
        command
          .argument('<workload>', 'productpage-v1, deploy/NAME, a pod, or NAME.NAMESPACE')
          .argument('[topic]', `${topics.join(', ')}; all of them without`),
      ),
    )
      .option('-o, --output <format>', 'table, json, yaml', 'table')
      .option('--level <level>', 'with log: set the level, for all loggers or as LOGGER:LEVEL'),
  examples: [
    ['lateen proxy productpage-v1 routes', 'its route tables, matches first'],
    ['lateen proxy reviews-v1 clusters -o json', 'its clusters as protobuf-JSON'],
    ['lateen proxy reviews-v1 log --level http:debug', 'set a logger’s level'],
  ],
  completes: ['workloads', topics],
  async run({ args, options, terminal }) {
    const [workload = '', topic] = args;
    if (topic !== undefined && !topics.includes(topic))
      throw usageFailure(`there is no topic ${topic}`, `use ${topics.join(', ')}`);
    if (!['table', 'json', 'yaml'].includes(options.output))
      throw usageFailure(`there is no format ${options.output}`, 'use table, json or yaml');
    const client = connect(options);
    const who = { workload, ...(options.namespace !== undefined && { namespace: options.namespace }) };
    if (topic === 'log' || options.level !== undefined) {
      terminal.write(await logLevels(client, who, options.level));
      return exitCode.ok;
    }
    const { body } = await client.get<AdminAnswer>('/v1/proxy', { ...who, path: '/config_dump?include_eds' });
    const [{ readConfigDump }, { configurationText, partText }] = await Promise.all([
      import('../envoy-tables/config-dump.ts'),
      import('../envoy-tables/configuration.ts'),
    ]);
    const configuration = await readConfigDump(body);
    const part = topic as Part | undefined;
    if (options.output === 'table') {
      terminal.line(part === undefined ? configurationText(configuration) : partText(part, configuration));
    } else {
      const shown = part === undefined ? configuration : configuration[part];
      if (options.output === 'json') terminal.line(JSON.stringify(shown, null, 2));
      else terminal.write((await import('yaml')).stringify(shown));
    }
    return exitCode.ok;
  },
});

async function logLevels(
  client: Client,
  who: { workload: string; namespace?: string },
  level: string | undefined,
): Promise<string> {
  const match = /^(?:([\w-]+):)?(trace|debug|info|warning|warn|error|critical|off)$/.exec(level ?? 'info');
  if (match === null)
    throw usageFailure(`${level} is not a level`, 'use trace, debug, info, warning, error, critical or off, or LOGGER:LEVEL');
  const [, logger, name = ''] = match;
  const change = level === undefined ? '' : logger === undefined ? `?level=${name}` : `?${logger}=${name}`;
  const { status, body } = await client.post<AdminAnswer>('/v1/proxy', { ...who, path: `/logging${change}` });
  if (status >= 400 || body.startsWith('error:'))
    throw new Failure(
      logger === undefined ? body.trim() : `Envoy has no logger ${logger}`,
      'lateen proxy WORKLOAD log lists them',
    );
  return body;
}
