// The compiler alone: one sidecar's whole configuration of 1,000 services with a VirtualService and a DestinationRule each, then one
// VirtualService changed, and one that changes nothing. CPU time, in either form of delivery.

import { effect } from '@preact/signals-core';
import { decode } from '../src/api/decode.ts';
import { originOf, type ApiObject } from '../src/api/object.ts';
import { createCompiler } from '../src/compile/compile.ts';
import type { Delivery } from '../src/compile/configuration.ts';
import { deliveryKey } from '../src/compile/delivery.ts';
import { parseNode } from '../src/compile/node.ts';
import { encodings, partsOf, type Resource } from '../src/compile/resource.ts';
import { isLarge, tableApart, type TableApart } from '../src/compile/route/apart.ts';
import { Store } from '../src/store/store.ts';
import { header, row } from './support/report.ts';
import { node, virtualService, world, type WorldSize } from './support/world.ts';

const size: WorldSize = { services: Number(process.env['BENCH_SERVICES'] ?? 1000), namespaces: 20, endpoints: 3 };
const changes = 200;

const cpuMs = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

function object(document: unknown): ApiObject {
  const { object: made, diagnostics } = decode(document, originOf('bench'));
  if (made === undefined) throw new Error(diagnostics.map(({ message }) => message).join('; '));
  return made;
}

/** Watches everything that a proxy of the class would be sent, as the ADS server does. */
function watched(store: Store, delivery: Delivery): () => void {
  const { id, metadata } = node(0, size);
  const asking = parseNode({ id, metadata: { ...(metadata as object), [deliveryKey]: delivery } });
  if (typeof asking === 'string') throw new Error(asking);
  const configuration = createCompiler(store).configurationFor(asking).value;
  const send = (resource: Resource | undefined) => void (resource && partsOf(resource));
  const latest = new Map<string, TableApart>();
  const sendTable = (table: Resource | undefined) => {
    if (delivery === 'eager' || table === undefined || !isLarge(table)) return send(table);
    const before = latest.get(table.name);
    const apart = tableApart(table, before);
    if (apart === undefined) return send(table);
    latest.set(table.name, apart);
    send(apart.head);
    for (const [place, piece] of apart.pieces.entries()) if (piece !== before?.pieces[place]) send(apart.at(place));
  };
  const stops = [
    effect(() => configuration.clusters.value.forEach(send)),
    effect(() => configuration.listeners.value.forEach(send)),
    ...configuration.endpointNames.value.map((name) => effect(() => send(configuration.endpoints(name).value))),
    ...configuration.routeNames.value.map((name) => effect(() => sendTable(configuration.route(name).value))),
  ];
  return () => stops.forEach((stop) => stop());
}

const objects = [...world(size)].map(object);
const changed = (what: (round: number) => Parameters<typeof virtualService>[2]): ApiObject[] =>
  Array.from({ length: changes }, (_, round) => object(virtualService((round * 7) % size.services, size, what(round))));

header(`compiler: ${size.services} services with a VirtualService and a DestinationRule each`);

for (const delivery of ['eager', 'demand'] as const) {
  const loaded = (): Store => {
    const store = new Store();
    store.transaction(() => objects.forEach((each) => store.upsert(each)));
    return store;
  };
  // The first time is the engine's as well.
  watched(loaded(), delivery)();
  const store = loaded();
  const began = { cpu: cpuMs(), encoded: encodings.count };
  const stop = watched(store, delivery);
  const full = cpuMs() - began.cpu;
  row(`${delivery}: all`, `${full.toFixed(0)} ms, ${encodings.count - began.encoded} messages encoded`);

  const measure = (next: readonly ApiObject[]) => {
    const before = { cpu: cpuMs(), encoded: encodings.count };
    for (const each of next) store.upsert(each);
    return { cpu: (cpuMs() - before.cpu) / next.length, encoded: (encodings.count - before.encoded) / next.length };
  };
  measure(changed((round) => ({ timeout: `${100 + round}s` })));
  const one = measure(changed((round) => ({ timeout: `${200 + round}s` })));
  row(
    `${delivery}: one VirtualService changed`,
    `1/${(full / one.cpu).toFixed(0)} of that: ${one.cpu.toFixed(2)} ms, ${one.encoded.toFixed(0)} messages`,
    '≤ 1/200',
    one.cpu <= full / 200,
  );
  const none = measure(changed((round) => ({ timeout: `${200 + round}s`, note: 'means nothing' })));
  row(
    `${delivery}: one that changes nothing`,
    `${none.encoded} messages encoded, ${none.cpu.toFixed(2)} ms`,
    'none',
    none.encoded === 0,
  );
  stop();
}
