// What `lateen why` does: finds the mesh it is asked about (files, a dump, the one that runs), asks, and tells.

import { stringify } from 'yaml';
import { dumpedConfiguration } from '../../explain/dump.ts';
import { endingsOf, type Ending } from '../../explain/ending.ts';
import { journey } from '../../explain/journey.ts';
import type { Request } from '../../explain/request.ts';
import { writeOptions } from '../../sources/yaml-scalars.ts';
import { exitCode, Failure, usageFailure } from '../failure.ts';
import { givenMesh, objectsIn } from '../given-mesh.ts';
import { textOf } from '../mesh-inputs.ts';
import type { Terminal } from '../terminal.ts';
import type { WhyOptions } from '../verbs/why.ts';
import { ask, nameFor, type Manner } from './ask.ts';
import { dumpEntry } from './dump-entry.ts';
import { mannerOf } from './manner.ts';
import { meshWorld, type MeshProxy, type MeshWorld } from './mesh-world.ts';
import type { Question } from './question.ts';
import { story, type Told } from './story.ts';

type Asked = Exclude<Question, { readonly kind: 'happened' }>;

export async function why(question: Asked, options: WhyOptions, terminal: Terminal): Promise<number> {
  const told = await tell(question, options, mannerOf(options), terminal);
  const { output, verbose = false } = options;
  if (output === 'json') terminal.line(JSON.stringify(told, null, 2));
  else if (output === 'yaml') terminal.write(stringify(JSON.parse(JSON.stringify(told)), writeOptions));
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
function fromDump(question: Asked, path: string, options: WhyOptions, manner: Manner): Told {
  if (question.kind === 'dns') throw usageFailure('a dump says nothing of names', 'ask with -f, or the running mesh');
  const configuration = dumpedConfiguration(textOf(path));
  if (typeof configuration === 'string')
    throw new Failure(
      `${path} is no dump that can be read: ${configuration}`,
      'take one with curl ADMIN/config_dump?include_eds',
    );
  const request = dumpEntry(question, configuration, manner, options.inbound === true ? 'inbound' : 'outbound');
  const way = journey({ name: path, configuration, identity: '', sidecar: true }, request, { proxyAt: () => undefined });
  const title = `${asked(question)} ${options.inbound === true ? 'to' : 'through'} the proxy of ${path}`;
  return { title, name: undefined, journey: way, endings: endingsOf(way), assumptions: [] };
}
