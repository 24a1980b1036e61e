// Certificates of seconds, renewed under steady load: no request fails, and no connection is made anew for it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Load, withoutFailure } from '../support/load.ts';
import { sample, startMesh, whyNoMesh } from '../support/mesh.ts';
import { until } from '../support/until.ts';

const skip = whyNoMesh();

/** Of Envoy's `/certs`, what is looked at here. */
interface Certificates {
  readonly certificates: readonly { readonly cert_chain: readonly { readonly serial_number: string }[] }[];
}

test('renewal under load', { skip }, async (t) => {
  await using mesh = await startMesh({
    files: [sample('helloworld/helloworld.yaml'), sample('curl/curl.yaml')],
    args: ['--workload-cert-ttl', '10s'],
  });
  const { name: caller } = await mesh.pod('curl');
  const { name: server } = await mesh.pod('helloworld-v1');
  const serials = async (workload: string) => {
    const { certificates } = JSON.parse(await mesh.admin(workload, '/certs')) as Certificates;
    return new Set(certificates.flatMap(({ cert_chain: chain }) => chain.map(({ serial_number: serial }) => serial)));
  };
  const expires = async (workload: string) =>
    (await mesh.status()).workloads.find(({ name }) => name === workload)?.certificateExpires ?? '';
  const connections = () => mesh.connections(caller, 'outbound|5000||helloworld.default.svc.cluster.local');

  const load = new Load(mesh, 'http://helloworld:5000/hello', { from: 'curl', everyMs: 20, workers: 4 });
  const before = { caller: await expires(caller), server: await expires(server), serials: await serials(server) };
  let end = { made: 0, ended: 0 };
  const { sent } = await withoutFailure(load, async () => {
    await until(
      async () => (await connections()).made > 0,
      () => 'the first connection',
    );
    // Two renewals of each, at half life.
    for (const workload of [caller, server]) {
      for (let from = workload === caller ? before.caller : before.server, renewals = 0; renewals < 2; renewals++)
        from = await until(
          async () => {
            const now = await expires(workload);
            return now !== from && now;
          },
          () => `a new certificate of ${workload}`,
        );
    }
    assert.ok(Date.parse(await expires(server)) > Date.parse(before.server));
    await sleep(1000);
    end = await connections();
  });
  assert.ok(
    [...(await serials(server))].every((serial) => !before.serials.has(serial)),
    'Envoy has the new certificate',
  );
  assert.equal(end.ended, 0, `of ${end.made} connections`);
  t.diagnostic(`${sent} requests over ${end.made} connections`);
});
