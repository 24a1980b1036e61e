// A whole mesh under traffic of every kind while everything changes in random order: rules, subsets, services, policies, modes, scopes,
// patches, certificates, pods. No request fails. Short here; long with LATEEN_SOAK_SECONDS. The seed is printed; LATEEN_SOAK_SEED
// repeats an order.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from '../../src/cli/client.ts';
import type { ApplyAnswer, DistributionAnswer } from '../../src/control/api/contract.ts';
import { startMesh, whyNoMesh } from '../support/mesh.ts';
import { Caller } from '../support/soak/caller.ts';
import { changesOf } from '../support/soak/changes.ts';
import { gateway, serviceEntry, virtualService, type Document } from '../support/soak/documents.ts';
import { meshConfig, recordsAround } from '../support/soak/evidence.ts';
import { failuresOf, sentBy, Traffic, type Failure } from '../support/soak/lanes.ts';
import { Random } from '../support/soak/random.ts';
import { secretMaker } from '../support/soak/secret.ts';
import {
  callers,
  gatewayPorts,
  insidePlans,
  manifests,
  outsideHost,
  outsidePlans,
  publicHost,
  serviceNames,
} from '../support/soak/world.ts';
import { until } from '../support/until.ts';

const seconds = Number(process.env['LATEEN_SOAK_SECONDS'] ?? 25);
const seed = Number(process.env['LATEEN_SOAK_SEED'] ?? Date.now() % 1_000_000);
/** What drains is gone soon, so that whoever would lose a connection by it loses it here. */
const drainSeconds = 3;
const everyMs = 25;
/** After the first failure what follows from it is still of interest. */
const afterFailureMs = 1000;

const text = (documents: readonly Document[]): string => documents.map((each) => JSON.stringify(each)).join('\n---\n');

/** Certificates say nothing to a reader. */
const shown = (document: Document): string =>
  document['kind'] === 'Secret' ? `Secret ${JSON.stringify(document['metadata'])}` : JSON.stringify(document);

interface Done {
  readonly at: number;
  readonly what: string;
}

test(
  `whatever changes in a mesh in whatever order, no request fails (seed ${seed})`,
  { skip: whyNoMesh(), timeout: (seconds + 240) * 1000 },
  async (t) => {
    const random = new Random(seed);
    await using mesh = await startMesh({
      text: text([
        ...manifests(),
        {
          apiVersion: 'v1',
          kind: 'ConfigMap',
          metadata: { name: 'istio', namespace: 'istio-system' },
          data: { mesh: JSON.stringify(meshConfig(drainSeconds)) },
        },
      ]),
      args: ['--workload-cert-ttl', '12s'],
    });
    const client = connect({ state: mesh.state });
    const done: Done[] = [];
    const doing = (verb: string, documents: readonly Document[]): void =>
      void done.push({ at: Date.now(), what: `${verb} ${documents.map(shown).join(' ')}` });
    const named = (documents: readonly Document[]) => ({ files: [{ source: 'soak', text: text(documents) }] });
    const secret = await secretMaker();

    const changing = {
      async apply(...documents: Document[]) {
        doing('apply', documents);
        const { results, diagnostics } = await client.post<ApplyAnswer>('/v1/apply', { ...named(documents), dryRun: false });
        const taken = results.every(({ outcome }) => outcome !== 'refused');
        assert.ok(taken, JSON.stringify(diagnostics));
      },
      async remove(...documents: Document[]) {
        doing('delete', documents);
        await client.post('/v1/delete', named(documents));
      },
      async arrived(...documents: Document[]) {
        let answer: DistributionAnswer | undefined;
        await until(
          async () => {
            answer = await client.post<DistributionAnswer>('/v1/distribution', named(documents));
            return answer.objects.every(({ proxies, acknowledged }) => proxies === acknowledged);
          },
          () => `the arrival of ${text(documents)}; now ${JSON.stringify(answer)}, after\n${lately(Date.now())}`,
        );
        // Envoy's workers hear of it a moment after its main thread has answered.
        await sleep(100);
      },
      secret,
      async settled(deployment: string, replicas: number) {
        let now: readonly { readonly name: string; readonly ready: string }[] = [];
        await until(
          async () => {
            now = (await mesh.pods()).filter(({ name }) => name.startsWith(`${deployment}-`));
            return now.length === replicas && now.every(({ ready }) => ready === '2/2');
          },
          () => `${replicas} pods of ${deployment}; there are ${JSON.stringify(now)}`,
          60_000,
        );
      },
    };
    const lately = (at: number, ms = 8000): string =>
      done
        .filter((each) => each.at > at - ms)
        .map((each) => `${new Date(each.at).toISOString()} ${each.what}`)
        .join('\n');

    const { address } = await mesh.pod('outside');
    await changing.apply(
      serviceEntry(outsideHost, address),
      await secret('edge', publicHost('web')),
      gateway('edge'),
      ...serviceNames.map((name) => virtualService(name, 'edge', { host: name, subsets: [] }, random)),
    );
    const ports = {
      http: await mesh.port(gatewayPorts.http),
      https: await mesh.port(gatewayPorts.https),
      tcp: await mesh.port(gatewayPorts.tcp),
      echo: await mesh.port(gatewayPorts.echo),
    };

    const failures: Failure[] = [];
    const start = (failed: (failure: Failure) => void) => [
      ...Object.keys(callers).map((pod) => ({ place: pod, traffic: new Caller(mesh, pod, insidePlans, { everyMs, failed }) })),
      { place: 'host', traffic: new Traffic(outsidePlans(ports), { everyMs, failed }) },
    ];
    const stop = async (running: ReturnType<typeof start>) =>
      Promise.all(running.map(async ({ place, traffic }) => ({ place, lanes: await traffic.stop() })));

    let failing: string[] = [];
    await until(
      async () => {
        const probe = start(() => {});
        await sleep(1000);
        failing = (await stop(probe)).flatMap(({ place, lanes }) => failuresOf(lanes).map((failure) => `${place}: ${failure}`));
        return failing.length === 0;
      },
      () => `every kind of traffic; still\n${failing.join('\n')}`,
    );

    const changes = changesOf(changing, random);
    const running = start((failure) => void failures.push(failure));
    let came: Awaited<ReturnType<typeof stop>> = [];
    try {
      // Each once at least, then at random.
      const names = Object.keys(changes);
      const first = random.shuffled(names);
      const endsAt = performance.now() + seconds * 1000;
      while ((performance.now() < endsAt || first.length > 0) && failures.length === 0) {
        await changes[first.pop() ?? random.pick(names)]?.();
        await sleep(random.next() * 300);
      }
      // What the last change drains.
      if (failures.length === 0) await sleep((drainSeconds + 1) * 1000);
      else await sleep(afterFailureMs);
    } finally {
      came = await stop(running);
    }
    t.diagnostic(
      `seed ${seed}: ${done.length} changes under ${came.map(({ place, lanes }) => `${place}: ${sentBy(lanes)}`).join('; ')}`,
    );
    const [first] = failures;
    if (first !== undefined) {
      const records = recordsAround(mesh.state, { ...first, word: /^\S+(?=:)/.exec(first.what)?.[0] ?? '' });
      assert.fail(
        [
          `seed ${seed}; requests failed:`,
          ...came.flatMap(({ place, lanes }) => failuresOf(lanes).map((failure) => `  ${place}: ${failure}`)),
          'what had changed:',
          lately(Date.parse(first.at)),
          'what proxies said:',
          ...records,
        ].join('\n'),
      );
    }
    for (const { place, lanes } of came)
      for (const [name, { sent }] of Object.entries(lanes))
        assert.ok(sent > 20, `only ${sent} exchanges of ${name} from ${place}`);
  },
);
