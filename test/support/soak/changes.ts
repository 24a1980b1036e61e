// What people do to a mesh, each step in an order that pleases them: the changes of a soak on a running mesh.

import { setTimeout as sleep } from 'node:timers/promises';
import {
  authorization,
  destinationRule,
  envoyFilter,
  gateway,
  harmlessTelemetry,
  peerAuthentication,
  serviceEntry,
  sidecar,
  virtualService,
  type Document,
  type Target,
} from './documents.ts';
import type { Random } from './random.ts';
import { deployment, publicHost, service, serviceNames, versions, type ServiceName } from './world.ts';

/** How a change reaches the mesh. */
export interface Changing {
  apply(...documents: Document[]): Promise<void>;
  remove(...documents: Document[]): Promise<void>;
  /** Until every proxy that needs them has them. */
  arrived(...documents: Document[]): Promise<void>;
  secret(name: string, dnsName: string): Promise<Document>;
  /** Until a Deployment has as many pods as it asks for, all ready. */
  settled(deployment: string, replicas: number): Promise<void>;
}

interface ServiceState {
  /** Defined by its DestinationRule, if it has one. */
  subsets: readonly string[];
  /** Where the rules of each place lead; none: no rules. */
  readonly targets: { inside: Target | undefined; edge: Target | undefined };
  readonly replicas: Record<string, number>;
  template: number;
}

type Step = () => Promise<void>;
/** The only port whose requests are all short: a change of its TLS may end connections. */
const plainPort = 8001;

export function changesOf(mesh: Changing, random: Random): Readonly<Record<string, Step>> {
  let number = 0;
  let mode: string | undefined;
  let credential = 'edge';
  let hasSidecar = false;
  /** Of the guarded service: a port without TLS, and a policy that asks who calls. */
  let plain = false;
  let identified = false;
  const states = Object.fromEntries(
    serviceNames.map((name): [string, ServiceState] => [
      name,
      {
        subsets: [],
        targets: { inside: undefined, edge: { host: name, subsets: [] } },
        replicas: { v1: 1, v2: 1 },
        template: 0,
      },
    ]),
  ) as Record<ServiceName, ServiceState>;
  const some = (): ServiceName => random.pick(serviceNames);
  const ruled = (): ServiceName => random.pick(['web', 'rpc', 'wire'] as const);
  const inAnyOrder = async (...steps: Step[]): Promise<void> => {
    for (const step of random.shuffled(steps)) {
      await step();
      await sleep(random.next() * 200);
    }
  };
  const route = async (of: ServiceName, target: Target): Promise<void> => {
    const { targets } = states[of];
    for (const place of random.shuffled(['inside', 'edge'] as const)) {
      targets[place] = target;
      await mesh.apply(virtualService(of, place, target, random));
    }
  };
  const policy = (of: ServiceName): Document => {
    const { subsets } = states[of];
    return destinationRule(of, { subsets, ...(of === 'guarded' && plain && { plainPort }) }, random);
  };

  return {
    /** To new subsets: rule first or subsets first, the old ones gone at once or later. */
    async move() {
      const of = ruled();
      const state = states[of];
      const next = random.shuffled([`a${number}`, `b${number++}`]).slice(0, random.chance(0.5) ? 1 : 2);
      const kept = random.chance(0.5) ? state.subsets.slice(0, 2) : [];
      await inAnyOrder(
        () => route(of, { host: of, subsets: next }),
        () => {
          state.subsets = [...next, ...kept];
          return mesh.apply(policy(of));
        },
      );
    },
    /** No rule inside, all at the gateway, and no subset, in any order. */
    async bare() {
      const of = ruled();
      const state = states[of];
      const { inside } = state.targets;
      await inAnyOrder(
        async () => {
          if (inside !== undefined) await mesh.remove(virtualService(of, 'inside', inside, random));
          state.targets.inside = undefined;
        },
        () => mesh.apply(virtualService(of, 'edge', (state.targets.edge = { host: of, subsets: [] }), random)),
        async () => {
          if (state.subsets.length > 0) await mesh.remove(policy(of));
          state.subsets = [];
        },
      );
    },
    /** The same way in other words. */
    async reword() {
      const of = ruled();
      const { targets, subsets } = states[of];
      await route(of, targets.edge ?? { host: of, subsets: subsets.slice(0, 2) });
    },
    async policy() {
      await mesh.apply(policy(some()));
    },
    /** Another service of the same pods, which comes before or after the rules that lead there, and goes before or after them. */
    async elsewhere() {
      const of = ruled();
      const other = service(`${of}-${number++}`, of);
      const { name } = other['metadata'] as { readonly name: string };
      await inAnyOrder(
        () => route(of, { host: name, subsets: [] }),
        () => mesh.apply(other),
      );
      await sleep(random.next() * 500);
      await inAnyOrder(
        () => route(of, { host: of, subsets: states[of].subsets.slice(0, 2) }),
        () => mesh.remove(other),
      );
    },
    /** Hosts that nobody calls. */
    async hosts() {
      const entry = serviceEntry(`other-${number++}.example`, '240.1.2.3');
      await mesh.apply(entry);
      await sleep(random.next() * 500);
      await mesh.remove(entry);
    },
    async authorization() {
      identified = !plain;
      await mesh.apply(authorization(plain, random));
    },
    async noAuthorization() {
      await mesh.apply(authorization(true, random));
      await sleep(random.next() * 300);
      await mesh.remove(authorization(true, random));
      identified = false;
    },
    async mode() {
      const next = random.pick(['STRICT', 'PERMISSIVE', undefined].filter((each) => each !== mode));
      if (next === 'STRICT' && plain) {
        plain = false;
        await mesh.apply(policy('guarded'));
        await mesh.arrived(policy('guarded'));
      }
      await (next === undefined ? mesh.remove(peerAuthentication('STRICT')) : mesh.apply(peerAuthentication(next)));
      mode = next;
    },
    /** One port without TLS, where nothing asks for it, and back. */
    async plain() {
      if (mode === 'STRICT') return;
      if (!plain && identified) {
        await mesh.apply(authorization(true, random));
        await mesh.arrived(authorization(true, random));
        identified = false;
      }
      if (!plain && mode !== undefined) await mesh.arrived(peerAuthentication(mode));
      plain = !plain;
      await mesh.apply(policy('guarded'));
      await mesh.arrived(policy('guarded'));
    },
    async scope() {
      hasSidecar = !hasSidecar || random.chance(0.5);
      await (hasSidecar ? mesh.apply(sidecar(random)) : mesh.remove(sidecar(random)));
    },
    async patch() {
      const filter = envoyFilter(some(), random);
      await mesh.apply(filter, harmlessTelemetry(random));
      await sleep(random.next() * 500);
      await mesh.remove(filter);
    },
    async certificate() {
      await mesh.apply(await mesh.secret(credential, publicHost('web')));
    },
    /** Another Secret, which comes before or after the Gateway that names it. */
    async credential() {
      const before = credential;
      const next = `edge-${number++}`;
      credential = next;
      await inAnyOrder(
        async () => mesh.apply(await mesh.secret(next, publicHost('web'))),
        () => mesh.apply(gateway(next)),
      );
      await mesh.arrived(gateway(next));
      await mesh.remove(await mesh.secret(before, publicHost('web')));
    },
    async scale() {
      const of = some();
      const version = random.pick(versions);
      const { replicas, template } = states[of];
      const count = replicas[version] === 1 ? 2 : 1;
      replicas[version] = count;
      await mesh.apply(deployment(of, version, count, String(template)));
      await mesh.settled(`${of}-${version}`, count);
    },
    /** New pods for all of a version. */
    async roll() {
      const of = some();
      const version = random.pick(versions);
      const state = states[of];
      const count = state.replicas[version] ?? 1;
      await mesh.apply(deployment(of, version, count, String(++state.template)));
      await mesh.settled(`${of}-${version}`, count);
    },
  };
}
