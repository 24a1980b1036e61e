import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { now, rowsOf } from '../../../test/support/envoy-dump.ts';
import { decode } from '../../api/decode.ts';
import { meshConfigDefaults } from '../../api/mesh-config.ts';
import { compileProxy } from '../../compile/compile.ts';
import type { Delivery } from '../../compile/configuration.ts';
import { parseNode } from '../../compile/node.ts';
import { resourcesJson } from '../../control/resource-json.ts';
import { compiledConfiguration } from '../../explain/configuration.ts';
import { locateIn } from '../../explain/origins.ts';
import { readManifest } from '../../sources/manifest.ts';
import { configurationText } from './configuration.ts';
import type { Shown } from './row.ts';

describe('tables of a compiled proxy', () => {
  const manifests = `apiVersion: v1
kind: Service
metadata: {name: shop, namespace: default}
spec: {clusterIP: 10.96.0.1, ports: [{name: http, port: 80}, {name: tcp, port: 5000}, {name: detected, port: 7000}]}
`;
  const objects = readManifest(manifests, 'shop.yaml', decode).items.flatMap(({ object }) => object ?? []);
  const node = parseNode({ id: 'sidecar~10.1.0.9~web.default~default.svc.cluster.local', metadata: {} });
  assert.ok(typeof node !== 'string');
  const made = async (delivery: Delivery): Promise<Shown> => {
    const compiled = compileProxy({ objects, meshConfig: meshConfigDefaults(), node, delivery });
    const { secrets } = await resourcesJson(compiled);
    return { configuration: compiledConfiguration(compiled), secrets, locate: locateIn(objects), now };
  };

  it('say on demand where a service is found when it is called, and what was not called yet', async () => {
    const shown = await made('demand');
    assert.ok(
      rowsOf(shown, 'routes').some(([, match, to]) => match === '/* host of a service' && to === 'that service, on demand'),
    );
    for (const port of ['5000', '7000']) {
      const rows = rowsOf(shown, 'listeners', { filters: { port } });
      assert.ok(rows.some(([address, , , to]) => address === '10.96.0.0/16' && to === 'the service at that address, on demand'));
    }
    const below = (uncalled: readonly string[] | undefined): string | undefined =>
      configurationText(shown, {}, { uncalled }).split('\n').at(-1);
    assert.equal(below(undefined), 'On demand: clusters that are not here come when they are called.');
    assert.equal(below([]), 'On demand: all that this proxy can call has been called.');
    const names = Array.from({ length: 14 }, (_, index) => `outbound|80||s${index + 10}.default.svc.cluster.local`);
    assert.match(below(names) ?? '', /Not called yet: s10\.default:80, .*, s21\.default:80 and 2 more \(-o wide\)\.$/);
  });

  it('have no such word where everything is there, and know the lines of files', async () => {
    const shown = await made('eager');
    assert.doesNotMatch(configurationText(shown), /on demand/i);
    assert.ok(rowsOf(shown, 'routes').some((row) => row[6] === 'Service/default/shop (shop.yaml:1)'));
  });
});
