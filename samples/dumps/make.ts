// Makes the dumps of this folder again: bookinfo with its rules in a mesh of its own, once with each delivery, and what Envoy's admin
// interface says of a sidecar and of the ingress gateway. `node samples/dumps/make.ts`; takes half a minute.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sample, startMesh, type RunningMesh } from '../../test/support/mesh.ts';
import { until } from '../../test/support/until.ts';

const files = [
  'bookinfo/bookinfo.yaml',
  'bookinfo/networking/bookinfo-gateway.yaml',
  'bookinfo/networking/destination-rule-all.yaml',
  'bookinfo/networking/virtual-service-reviews-test-v2.yaml',
];

interface Dump {
  readonly configs: readonly { readonly '@type': string }[];
}

/** Left out: the bootstrap, which tells of the machine it ran on, and certificates. */
const notKept = /\.(?:BootstrapConfigDump|SecretsConfigDump)$/;

async function take(mesh: RunningMesh, file: string, workload: string, namespace = 'default'): Promise<void> {
  const { configs } = JSON.parse(await mesh.admin(workload, '/config_dump?include_eds', namespace)) as Dump;
  const kept = { configs: configs.filter((config) => !notKept.test(config['@type'])) };
  writeFileSync(join(import.meta.dirname, file), `${JSON.stringify(kept)}\n`);
  console.log(`${file}: ${Math.round(readFileSync(join(import.meta.dirname, file)).length / 1024)} KiB`);
}

for (const delivery of ['eager', 'demand']) {
  await using mesh = await startMesh({ files: files.map(sample), args: ['--delivery', delivery] });
  // What is called on demand is there once it was called.
  await until(
    async () => (await mesh.get('/productpage')).status === 200,
    () => 'the product page',
  );
  await take(mesh, `sidecar-${delivery}.json`, 'productpage-v1');
  // Gateways have everything at once, whatever the delivery.
  if (delivery === 'eager') await take(mesh, 'gateway.json', 'istio-ingressgateway', 'istio-system');
}
