// A scene of the differential test: the documents of a mesh, the proxy that is looked at, and what is asked of it.

import fc from 'fast-check';
import { decode } from '../../../src/api/decode.ts';
import { meshConfigOf } from '../../../src/api/mesh-config.ts';
import { originOf, type ApiObject } from '../../../src/api/object.ts';
import { compileProxy, type Compiled } from '../../../src/compile/compile.ts';
import type { ProxyNode } from '../../../src/compile/configuration.ts';
import { parseNode } from '../../../src/compile/node.ts';
import { maybe, often, oneOf, upTo } from './arbitrary.ts';
import { askChoice, type AskChoice } from './asks.ts';
import { serviceEntries } from './entries.ts';
import { gateways, secret } from './gateways.ts';
import { ingresses } from './ingresses.ts';
import { meshSettings } from './mesh-settings.ts';
import { envoyFilters } from './patches.ts';
import { authorizationPolicies, peerAuthentications } from './policies.ts';
import { virtualServices } from './routing.ts';
import { servingSidecars, sidecars } from './sidecars.ts';
import { destinationRules } from './traffic-policies.ts';
import {
  podDocument,
  podNamed,
  pods,
  serviceDocuments,
  services,
  type Document,
  type PodOf,
  type Scene,
  type Side,
} from './world.ts';

export interface ScenePlay {
  readonly scene: Scene;
  readonly asks: readonly AskChoice[];
}

const world: fc.Arbitrary<Document[]> = fc
  .tuple(
    ...services.map((service) =>
      fc.tuple(
        often([3, fc.constant([...service.ports])], [1, fc.subarray([...service.ports], { minLength: 1 })]),
        service.name === 'db' ? fc.boolean() : fc.constant(false),
      ),
    ),
  )
  .map((chosen) =>
    chosen.flatMap(([ports, headless], index) => {
      const service = services[index];
      return service === undefined ? [] : serviceDocuments(service, ports, headless);
    }),
  );

const podDocuments = pods.map(podDocument);
const called = ['reviews-v1', 'api-v1', 'ratings-v1', 'db-v1'];

const together = (...parts: readonly fc.Arbitrary<Document[] | undefined>[]): fc.Arbitrary<Document[]> =>
  fc.tuple(...parts).map((lists) => lists.flatMap((list) => list ?? []));

const documentsOf: Readonly<Record<Side, fc.Arbitrary<Document[]>>> = {
  outbound: together(
    world,
    serviceEntries,
    virtualServices({ gateways: [] }),
    destinationRules,
    sidecars,
    envoyFilters('outbound'),
  ),
  inbound: together(
    world,
    authorizationPolicies,
    peerAuthentications,
    maybe(virtualServices({ gateways: [] }), 6),
    servingSidecars,
    envoyFilters('inbound'),
  ),
  gateway: together(
    world,
    serviceEntries,
    gateways,
    ingresses,
    virtualServices({ gateways: ['edge/door'] }),
    destinationRules,
    maybe(authorizationPolicies, 3),
    envoyFilters('gateway'),
  ),
};

const scene: fc.Arbitrary<Scene> = often<Scene>(
  ...(['outbound', 'inbound', 'gateway'] as const).map(
    (side) =>
      [
        side === 'outbound' ? 4 : 3,
        fc.record({
          side: fc.constant(side),
          pod: side === 'inbound' ? oneOf(...called) : fc.constant(''),
          documents: documentsOf[side],
          mesh: meshSettings,
        }),
      ] as const,
  ),
);

/** Up to so many asks of one configuration. */
export const scenePlay = (asks: number): fc.Arbitrary<ScenePlay> => fc.record({ scene, asks: upTo(asks, askChoice, 1) });

export interface Prepared {
  readonly compiled: Compiled;
  readonly objects: readonly ApiObject[];
}

export function prepare({ documents, side, pod, mesh: config }: Scene): Prepared {
  const all = [...documents, ...podDocuments, ...(side === 'gateway' ? [secret] : [])];
  const objects = all.flatMap((document) => decode(document as Parameters<typeof decode>[0], originOf('input')).object ?? []);
  const node = nodeOf(side, podNamed(pod));
  return {
    objects,
    compiled: compileProxy({ objects, meshConfig: meshConfigOf({ ingressSelector: 'door', ...config }).config, node }),
  };
}

function nodeOf(side: Side, { name, namespace, app, version, account, ip, place }: PodOf): ProxyNode {
  const [region, zone, subZone] = (side === 'gateway' ? 'r1/z1' : place).split('/');
  const locality = { region, zone, subZone };
  const sidecar = {
    id: `sidecar~${ip}~${name}.${namespace}~${namespace}.svc.cluster.local`,
    metadata: { NAMESPACE: namespace, LABELS: { app, version }, SERVICE_ACCOUNT: account },
    locality,
  };
  const gateway = {
    id: 'router~127.1.8.1~door-1.edge~edge.svc.cluster.local',
    metadata: { NAMESPACE: 'edge', LABELS: { istio: 'door' }, SERVICE_ACCOUNT: 'door' },
    locality,
  };
  const node = parseNode(side === 'gateway' ? gateway : sidecar);
  if (typeof node === 'string') throw new Error(node);
  return node;
}
