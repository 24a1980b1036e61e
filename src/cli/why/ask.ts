// A question answered in a world: the name is looked up, the request made as the caller would make it, and followed.

import type { Listener } from '../../../gen/envoy/config/listener/v3/listener_pb.js';
import { endingsOf, type Ending } from '../../explain/ending.ts';
import { journey, type Journey } from '../../explain/journey.ts';
import { plainAddress } from '../../explain/listener.ts';
import type { ClientTls, Entry, HttpVersion, Request, Source } from '../../explain/request.ts';
import { resolveName, type ResolvedName } from './address.ts';
import type { MeshProxy, MeshWorld } from './mesh-world.ts';
import type { Question } from './question.ts';

/** How a request is made, besides what is asked for. */
export interface Manner {
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly version: HttpVersion;
  readonly sni?: string | undefined;
  readonly alpn?: readonly string[] | undefined;
  readonly sourceIp?: string | undefined;
  /** The URI of a client certificate that a caller from outside shows. */
  readonly identity?: string | undefined;
  readonly claims?: Readonly<Record<string, unknown>> | undefined;
}

export interface Answer {
  /** Who asks, in words. */
  readonly caller: string;
  /** Undefined at a gateway, which is dialled by address. */
  readonly name: ResolvedName | undefined;
  /** Undefined where nothing is dialled. */
  readonly journey: Journey | undefined;
  readonly endings: readonly Ending[];
}

type Asked = Exclude<Question, { readonly kind: 'dns' | 'happened' }>;

/** Where callers from outside come from, if nobody says; from the range for documents. */
const outside = '203.0.113.7';

/** What becomes of a request that a workload makes, or that comes to a gateway. */
export function ask(question: Asked, caller: MeshProxy, manner: Manner, world: MeshWorld): Answer {
  const { host, port } = question.kind === 'http' ? question.url : question;
  if (caller.role === 'router') {
    const entry = { port: gatewayPort(caller, port, world) };
    const source = { address: manner.sourceIp ?? outside, ...(manner.identity !== undefined && { identity: manner.identity }) };
    return follow(
      requestFor(question, { entry, address: caller.address, port: entry.port, source }, manner),
      caller,
      undefined,
      world,
    );
  }
  const name = nameFor(host, caller.namespace, world);
  if (name.address === undefined) return { caller: caller.name, name, journey: undefined, endings: [] };
  const source = { address: manner.sourceIp ?? caller.address };
  const made = requestFor(question, { entry: 'outbound', address: name.address, port, source }, manner);
  return follow(made, caller, name, world);
}

export const nameFor = (host: string, namespace: string, { names, mesh }: MeshWorld): ResolvedName =>
  resolveName(names, host, namespace, () => mesh.services.all().flatMap(({ host: full, name }) => [full, name]));

function follow(request: Request, caller: MeshProxy, name: ResolvedName | undefined, world: MeshWorld): Answer {
  const way = journey(caller, request, world);
  return { caller: caller.name, name, journey: way, endings: endingsOf(way) };
}

interface Dialled {
  readonly entry: Entry;
  readonly address: string;
  readonly port: number;
  readonly source: Source;
}

export function requestFor(question: Asked, { entry, address, port, source }: Dialled, manner: Manner): Request {
  const connection = { entry, destination: { address, port }, source };
  if (question.kind === 'tcp') {
    const { sni, alpn } = manner;
    return { kind: 'tcp', ...connection, ...((sni !== undefined || alpn !== undefined) && { tls: { sni, alpn } }) };
  }
  const { url, method } = question;
  const host = manner.headers.find(([name]) => /^(?:host|:authority)$/i.test(name))?.[1];
  const version = manner.version;
  const tls: ClientTls | undefined =
    url.scheme === 'https'
      ? {
          sni: manner.sni ?? (/^[\d.]+$|:/.test(url.host) ? undefined : url.host),
          alpn: manner.alpn ?? (version === 'HTTP/2' ? ['h2'] : ['h2', 'http/1.1']),
        }
      : undefined;
  return {
    kind: 'http',
    ...connection,
    ...(tls && { tls }),
    version,
    method,
    authority: host ?? url.authority,
    path: url.path,
    headers: manner.headers,
    claims: manner.claims,
  };
}

/** A gateway's own port for the one that callers dial: what its Service says, else the same, else as low ports are moved up. */
function gatewayPort({ configuration, labels, namespace }: MeshProxy, port: number, { mesh }: MeshWorld): number {
  const open = new Set(configuration.listeners.flatMap(portOf));
  const services = mesh
    .servicesIn(namespace)
    .filter(({ selector }) => selector !== undefined && Object.entries(selector).every(([key, value]) => labels[key] === value));
  const targets = services.flatMap((service) =>
    service.ports.flatMap((each) => (each.number === port && typeof each.targetPort === 'number' ? [each.targetPort] : [])),
  );
  return [...targets, port, port + 8000].find((each) => open.has(each)) ?? targets[0] ?? port;
}

const portOf = ({ address }: Listener): number[] => {
  const at = address && plainAddress(address);
  return at === undefined ? [] : [at.port];
};
