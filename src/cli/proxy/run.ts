// What `lateen proxy` does: fetches a configuration, from the running Envoy or a file, and shows the part that is asked for.

import type { StatusAnswer } from '../../control/api/contract.ts';
import { nowhere, type Locate } from '../../explain/origins.ts';
import { connect, type Client } from '../client.ts';
import { bootstrapText } from '../envoy-tables/bootstrap.ts';
import { readConfigDump, type ReadDump } from '../envoy-tables/config-dump.ts';
import { asksAsItCalls, configurationText, idleFilters, keptResources, type Choice } from '../envoy-tables/configuration.ts';
import { filterNames, type Filters } from '../envoy-tables/row.ts';
import { exitCode, Failure, usageFailure } from '../failure.ts';
import { runningPlaces } from '../running-mesh.ts';
import { isStructured, printStructured } from '../structured.ts';
import type { Terminal } from '../terminal.ts';
import type { ProxyOptions } from '../verbs/proxy.ts';
import { dumpText } from '../why/dump-file.ts';
import { arrivalsText } from './arrivals.ts';
import { logLevels } from './log.ts';
import type { Topic } from './topics.ts';
import { uncalledBy } from './uncalled.ts';

/** `GET /v1/proxy` answers what Envoy's admin interface did. */
interface AdminAnswer {
  readonly status: number;
  readonly body: string;
}

export async function showConfiguration(
  workload: string | undefined,
  topic: Topic | undefined,
  options: ProxyOptions,
  terminal: Terminal,
): Promise<number> {
  const filters = filtersOf(options);
  const choice: Choice = { filters, part: topic === 'all' || topic === 'bootstrap' || topic === 'log' ? undefined : topic };
  const idle = topic === 'bootstrap' ? Object.keys(filters) : idleFilters(choice);
  if (idle.length > 0)
    throw usageFailure(
      `--${idle.join(', --')} means nothing for ${topic ?? 'what is shown'}`,
      'leave it out, or name another topic',
    );
  const client = options.dump === undefined ? connect(options) : undefined;
  const read = await readConfigDump(...(await dumpOf(client, workload, options)));
  if (topic === 'bootstrap') await showBootstrap(read, options, terminal);
  else if (isStructured(options.output)) {
    const kept = keptResources(read.json, read.shown(nowhere, new Date()), choice);
    await printStructured(choice.part === undefined ? kept : kept[choice.part], options.output, terminal);
  } else await showTables(read, choice, { client, workload }, options, terminal);
  for (const note of read.notes) terminal.note(note);
  return exitCode.ok;
}

interface Running {
  readonly client: Client | undefined;
  readonly workload: string | undefined;
}

async function showTables(
  read: ReadDump,
  choice: Choice,
  { client, workload }: Running,
  options: ProxyOptions,
  terminal: Terminal,
): Promise<void> {
  const wide = options.output === 'wide';
  const now = new Date();
  const text = (locate: Locate, uncalled?: readonly string[]): string =>
    configurationText(read.shown(locate, now), choice, {
      wide,
      headers: options.headers,
      uncalled,
      // Who wants all of it gets it, however long its lines.
      columns: wide ? undefined : terminal.columns,
    });
  const places = client && runningPlaces(client);
  if (places !== undefined) {
    // Once to learn which fields matter, and again with their lines.
    text(places.locate);
    await places.fetch();
  }
  const clusters = choice.part === undefined || choice.part === 'clusters' || choice.part === 'endpoints';
  const uncalled =
    clusters && workload !== undefined && asksAsItCalls(read.shown(nowhere, now))
      ? await uncalledBy(workload, read.json.clusters, options)
      : undefined;
  const shown = text(places?.locate ?? nowhere, uncalled);
  if (shown === '') terminal.note('nothing of it is there');
  else terminal.line(shown);
}

async function showBootstrap({ bootstrap }: ReadDump, { output }: ProxyOptions, terminal: Terminal): Promise<void> {
  if (bootstrap === undefined) throw new Failure('the dump has no bootstrap', 'take one of everything: /config_dump?include_eds');
  if (isStructured(output)) await printStructured(bootstrap, output, terminal);
  else terminal.line(bootstrapText(bootstrap, output === 'wide' ? undefined : terminal.columns));
}

/** Its texts, and what to call them. */
async function dumpOf(
  client: Client | undefined,
  workload: string | undefined,
  { dump, namespace }: ProxyOptions,
): Promise<[texts: readonly string[], sources: readonly string[]]> {
  if (client === undefined) return [(dump ?? []).map(dumpText), dump ?? []];
  const path = '/config_dump?include_eds';
  const { body } = await client.get<AdminAnswer>('/v1/proxy', { workload, namespace, path });
  return [[body], [`what the Envoy of ${workload} answered`]];
}

const filtersOf = (options: ProxyOptions): Filters =>
  Object.fromEntries(filterNames.flatMap((name) => (options[name] === undefined ? [] : [[name, options[name]] as const])));

/** Every proxy, and how far each type of its configuration is. */
export async function showArrivals(options: ProxyOptions, terminal: Terminal): Promise<number> {
  const [idle] = Object.keys(filtersOf(options));
  if (idle !== undefined) throw usageFailure(`--${idle} is for the configuration of one proxy`, 'name its workload');
  const { workloads } = await connect(options).get<StatusAnswer>('/v1/status');
  const proxies = workloads.filter(
    ({ namespace, proxy }) => proxy !== '' && (options.namespace === undefined || namespace === options.namespace),
  );
  if (isStructured(options.output)) await printStructured(proxies, options.output, terminal);
  else if (proxies.length === 0) terminal.note('no proxy runs');
  else terminal.line(arrivalsText(proxies, { wide: options.output === 'wide', headers: options.headers }, terminal));
  return exitCode.ok;
}

/** Shows the levels of a proxy's loggers; sets them first where a level is given. */
export async function showLog(workload: string, options: ProxyOptions, terminal: Terminal): Promise<number> {
  const who = { workload, ...(options.namespace !== undefined && { namespace: options.namespace }) };
  const levels = await logLevels(options.level, (path) => connect(options).post<AdminAnswer>('/v1/proxy', { ...who, path }));
  if (isStructured(options.output)) await printStructured(levels, options.output, terminal);
  else
    terminal.line(
      Object.entries(levels)
        .map(([logger, level]) => `${logger}: ${level}`)
        .join('\n'),
    );
  return exitCode.ok;
}
