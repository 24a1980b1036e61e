// A recorded request as it would be made in a mesh: by its caller's proxy there, to the address that its host's name has there.

import { withoutPort } from '../../../explain/domains.ts';
import type { Doubt } from '../../../explain/doubt.ts';
import { journey } from '../../../explain/journey.ts';
import type { Asked } from '../../../explain/replay/replay.ts';
import type { HttpVersion, Request, Source } from '../../../explain/request.ts';
import { parseOutboundCluster } from '../../../compile/names.ts';
import { isIpAddress } from '../../../lib/ip-range.ts';
import type { Arrival, DistinctRequest } from '../../../telemetry/distinct-requests.ts';
import { Failure } from '../../failure.ts';
import { resolveName, type ResolvedName } from '../../why/address.ts';
import { meshAlpn } from '../../why/dump-entry.ts';
import type { MeshProxy, MeshWorld } from '../../why/mesh-world.ts';

/** Asks both sides of a plan, the first one first. */
export class Replayed {
  /** Those that were dialled by what their hosts' names mean. */
  readonly #byName = new Set<DistinctRequest>();
  readonly #assumed: boolean;

  /** `assumed`: the mesh's addresses are made up, and not those that records have. */
  constructor(assumed: boolean) {
    this.#assumed = assumed;
  }

  before(world: MeshWorld): (request: DistinctRequest, doubt: Doubt) => Asked {
    return this.#asker(world, (request, recorded, host, name) => {
      if (name?.address === undefined) return this.#assumed ? { none: `nobody has the name ${host}` } : recorded;
      // Where the mesh does not know the name, it may know it after the change.
      if (this.#assumed || name.standsIn === true || name.address === recorded) this.#byName.add(request);
      return this.#assumed ? name.address : recorded;
    });
  }

  after(world: MeshWorld): (request: DistinctRequest, doubt: Doubt) => Asked {
    return this.#asker(world, (request, recorded, host, name) => {
      if (!this.#byName.has(request)) return recorded;
      if (name?.address === undefined) return { unsent: `not sent: nobody has the name ${host}` };
      return name.standsIn === true && !this.#assumed ? recorded : name.address;
    });
  }

  #asker(world: MeshWorld, dial: Dial): (request: DistinctRequest, doubt: Doubt) => Asked {
    const proxies = new Map<string, MeshProxy | undefined>();
    const names = new Map<string, ResolvedName>();
    const proxyOf = (name: string): MeshProxy | undefined => {
      if (!proxies.has(name))
        proxies.set(
          name,
          known(() => world.proxyOf(name)),
        );
      return proxies.get(name);
    };
    const nameOf = (host: string, namespace: string): ResolvedName => {
      const key = `${namespace} ${host}`;
      let name = names.get(key);
      if (name === undefined) names.set(key, (name = resolveName(world.names, host, namespace, () => [])));
      return name;
    };
    return (request, doubt) => {
      const { arrival, outcome } = request;
      if (typeof arrival === 'string') return { none: arrival };
      const { namespace, pod, workload, side } = arrival;
      const proxy = proxyOf(`${pod}.${namespace}`) ?? proxyOf(`${workload}.${namespace}`);
      if (proxy === undefined) return { none: `${workload}.${namespace} is not there, or has no proxy` };
      if (side !== 'outbound') return journey(proxy, arriving(arrival, proxy, doubt), world);
      const host =
        arrival.kind === 'request' ? withoutPort(arrival.authority) : (parseOutboundCluster(outcome.cluster)?.host ?? '');
      const name = host === '' || isIpAddress(host.replace(/^\[|\]$/g, '')) ? undefined : nameOf(host, namespace);
      const address = dial(request, arrival.address, host || arrival.address, name);
      return typeof address === 'string' ? journey(proxy, leaving(arrival, address, proxy, doubt), world) : address;
    };
  }
}

/** The address that is dialled; `name`: what the host's name means, where it has one. */
type Dial = (
  request: DistinctRequest,
  recorded: string,
  host: string,
  name: ResolvedName | undefined,
) => string | { readonly none: string } | { readonly unsent: string };

function known<Value>(find: () => Value): Value | undefined {
  try {
    return find();
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}

function leaving(arrival: Arrival, address: string, proxy: MeshProxy, doubt: Doubt): Request {
  const { kind, port, serverName } = arrival;
  const connection = { entry: 'outbound', destination: { address, port }, source: { address: proxy.address } } as const;
  if (kind === 'request') return { ...connection, ...http(arrival, doubt) };
  return { ...connection, kind: 'tcp', ...(serverName !== '' && { tls: { sni: serverName } }) };
}

/** From outside, or at the destination where nobody tells of the caller. */
function arriving(arrival: Arrival, proxy: MeshProxy, doubt: Doubt): Request {
  const { kind, side, port, source: address, identity, serverName } = arrival;
  const source: Source = { address, ...(identity !== '' && { identity }) };
  const connection = {
    entry: side === 'gateway' ? { port } : ('inbound' as const),
    destination: { address: proxy.address, port },
    source,
  };
  const { version } = http(arrival, doubt);
  const alpn =
    side === 'gateway' ? [version === 'HTTP/2' ? 'h2' : 'http/1.1'] : kind === 'request' ? meshAlpn(version) : ['istio'];
  const tls = identity === '' && serverName === '' ? {} : { tls: { alpn, ...(serverName !== '' && { sni: serverName }) } };
  return kind === 'request' ? { ...connection, ...tls, ...http(arrival, doubt) } : { kind: 'tcp', ...connection, ...tls };
}

function http({ method, authority, path, protocol, grpc }: Arrival, doubt: Doubt) {
  const version: HttpVersion = protocol === 'HTTP/2' || protocol === 'HTTP/1.0' ? protocol : 'HTTP/1.1';
  const headers: (readonly [string, string])[] = grpc ? [['content-type', 'application/grpc']] : [];
  return { kind: 'http', version, method, authority, path, headers, doubt } as const;
}
