// What `lateen why` does: finds the mesh it is asked about (files, a dump, the one that runs), asks, and tells.

import { nearest } from '../../api/suggestion.ts';
import type { ProxyConfiguration } from '../../explain/configuration.ts';
import { virtualHostFor } from '../../explain/domains.ts';
import { dumpedConfiguration } from '../../explain/dump.ts';
import { endingsOf, type Ending } from '../../explain/ending.ts';
import { journey } from '../../explain/journey.ts';
import type { Request } from '../../explain/request.ts';
import { exitCode, Failure, usageFailure } from '../failure.ts';
import { givenMesh, objectsIn } from '../given-mesh.ts';
import { isStructured, printStructured } from '../structured.ts';
import { isIpAddress } from '../../lib/ip-range.ts';
import type { Terminal } from '../terminal.ts';
import type { WhyOptions } from '../verbs/why.ts';
import { ask, nameFor, type Manner } from './ask.ts';
import { dumpEntry } from './dump-entry.ts';
import { dumpText, unreadableDump } from './dump-file.ts';
import { mannerOf } from './manner.ts';
import { meshWorld, type MeshProxy, type MeshWorld } from './mesh-world.ts';
import type { Question } from './question.ts';
import { story, type Told } from './story.ts';

type Asked = Exclude<Question, { readonly kind: 'happened' }>;

export async function why(question: Asked, options: WhyOptions, terminal: Terminal): Promise<number> {
  const told = await tell(question, options, mannerOf(options), terminal);
  const { output, verbose = false } = options;
  if (isStructured(output)) await printStructured(told, output, terminal);
  else terminal.line(story(told, { verbose, style: (style, text) => terminal.style(style, text) }));
  return options.fail === true && !arrives(told) ? exitCode.failed : exitCode.ok;
}

/** As curl's --fail: everything arrives, or is answered with less than 400. */
const arrives = ({ endings, name }: Told): boolean =>
  endings.every((ending) => ending.kind === 'arrives' || succeeds(ending)) && (endings.length > 0 || name?.address !== undefined);

const succeeds = ({ status }: Ending): boolean => status !== undefined && status < 400;

async function tell(question: Asked, options: WhyOptions, manner: Manner, terminal: Terminal): Promise<Told> {
  if (options.dump !== undefined) return fromDump(question, options.dump, options, manner);
  if (options.file !== undefined) {
    const mesh = givenMesh(objectsIn(options.file, terminal), options, terminal);
    return tellIn(question, options, manner, meshWorld(mesh), mesh.assumptions);
  }
  const { runningWorld } = await import('./running.ts');
  const { world, locateAll } = await runningWorld(options);
  // Once to learn which fields matter, and again with their lines.
  tellIn(question, options, manner, world, []);
  await locateAll();
  return tellIn(question, options, manner, world, []);
}

function tellIn(question: Asked, options: WhyOptions, manner: Manner, world: MeshWorld, assumptions: readonly string[]): Told {
  const caller = callerOf(options, world);
  if (question.kind === 'dns') {
    const name = nameFor(question.name, caller.namespace, world);
    return {
      title: `dns ${question.name}, asked in namespace ${caller.namespace}`,
      name,
      journey: undefined,
      endings: [],
      assumptions: [],
    };
  }
  const { name, journey: way, endings } = ask(question, caller, manner, world);
  return { title: titleOf(question, caller.name, way?.explanation.request), endings, name, assumptions, journey: way };
}

function titleOf(question: Asked, caller: string, request: Request | undefined): string {
  return `${asked(question)} ${typeof request?.entry === 'object' ? 'to the gateway' : 'from'} ${caller}`;
}

function asked(question: Asked): string {
  switch (question.kind) {
    case 'tcp':
      return `tcp ${question.host}:${question.port}`;
    case 'dns':
      return `dns ${question.name}`;
    case 'http':
      return `${question.method} ${question.url.scheme}://${question.url.authority}${question.url.path}`;
  }
}

function callerOf({ from, gateway, namespace }: WhyOptions, world: MeshWorld): MeshProxy {
  if (from !== undefined && gateway !== undefined)
    throw usageFailure('--from and --gateway say who is asked twice', 'give one of them');
  const named = gateway ?? from;
  if (named === undefined) return world.plainProxy(namespace ?? 'default');
  const proxy = world.proxyOf(namespace === undefined ? named : `${named}.${namespace}`);
  if (gateway !== undefined && proxy.role !== 'router') throw new Failure(`${named} is no gateway`, 'ask from it with --from');
  return proxy;
}

/** The proxy that a dump is of, and nobody else: what is behind it is not known. */
function fromDump(question: Asked, paths: readonly string[], options: WhyOptions, manner: Manner): Told {
  if (question.kind === 'dns') throw usageFailure('a dump says nothing of names', 'ask with -f, or the running mesh');
  const configuration = dumpedConfiguration(...paths.map(dumpText));
  if (typeof configuration === 'string') throw unreadableDump(paths, configuration);
  return askDump(question, configuration, manner, { inbound: options.inbound === true, file: paths.join(', ') });
}

interface DumpAsked {
  /** The request comes to the proxy's own workload. */
  readonly inbound: boolean;
  /** Where the dump is from. */
  readonly file: string;
}

/** What the proxy of a dump does with a request. */
export function askDump(
  question: Exclude<Asked, { readonly kind: 'dns' }>,
  configuration: ProxyConfiguration,
  manner: Manner,
  { inbound, file }: DumpAsked,
): Told {
  const request = dumpEntry(question, configuration, manner, inbound ? 'inbound' : 'outbound');
  const { proxy } = configuration;
  const name = proxy?.name ?? file;
  const way = journey({ name, configuration, identity: '', sidecar: true }, request, { proxyAt: () => undefined });
  const version = proxy === undefined || proxy.version === '' ? '' : `, Istio ${proxy.version}`;
  const who = proxy === undefined ? `the proxy of ${file}` : `${name} (${file}${version})`;
  const title = `${asked(question)} ${inbound ? 'to' : 'through'} ${who}`;
  const host = question.kind === 'http' ? question.url.host : undefined;
  const guess =
    host !== undefined && request.entry === 'outbound' && !isIpAddress(host) ? meantHost(host, configuration) : undefined;
  const assumptions = guess === undefined ? [] : [`The proxy knows no host ${host}: did you mean ${guess}?`];
  return { title, name: undefined, journey: way, endings: endingsOf(way), assumptions };
}

/** The nearest name in the tables of a proxy that has none for a host. */
function meantHost(host: string, { routeNames, route }: ProxyConfiguration): string | undefined {
  const tables = routeNames().flatMap((name) => route(name) ?? []);
  if (tables.some((table) => (virtualHostFor(table, host)?.domain ?? '*') !== '*')) return undefined;
  const known = tables.flatMap(({ virtualHosts }) => virtualHosts.flatMap(({ domains }) => domains));
  return nearest(
    host,
    known.filter((domain) => !domain.includes('*')),
  );
}
