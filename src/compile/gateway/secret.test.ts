import assert from 'node:assert/strict';
import { test } from 'node:test';
import { effect } from '@preact/signals-core';
import { authority, leaf, type Leaf } from '../../../test/support/certificates.ts';
import { decode } from '../../api/decode.ts';
import { originOf } from '../../api/object.ts';
import { Store } from '../../store/store.ts';
import { createCompiler } from '../compile.ts';
import { parseNode } from '../node.ts';

/** A gateway with one server, and the Secret that it names. */
function gatewayWith() {
  const store = new Store();
  const put = (document: object): void => {
    const { object } = decode(document, originOf('test'));
    assert.ok(object);
    store.upsert(object);
  };
  put({
    apiVersion: 'networking.istio.io/v1',
    kind: 'Gateway',
    metadata: { name: 'web', namespace: 'edge' },
    spec: {
      servers: [
        {
          port: { number: 8443, name: 'https', protocol: 'HTTPS' },
          hosts: ['*'],
          tls: { mode: 'MUTUAL', credentialName: 'site' },
        },
      ],
    },
  });
  const node = parseNode({ id: 'router~10.1.0.5~gw.edge~edge.svc.cluster.local', metadata: { NAMESPACE: 'edge' } });
  assert.ok(typeof node !== 'string');
  const configuration = createCompiler(store).configurationFor(node).value;
  let sent: Uint8Array | undefined;
  const end = effect(() => {
    sent = configuration.secret('kubernetes://site').value?.bytes;
  });
  const said = () =>
    configuration.diagnostics.value
      .filter(({ code }) => code === 'LAT0211')
      .map(({ object, message }) => `${object?.name}: ${message}`);
  const secret = (data: Record<string, string>) =>
    put({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'site', namespace: 'edge' }, stringData: data });
  return { secret, said, sent: () => sent, end };
}

const holds = ({ cert, key }: Leaf, ca: string) => ({ cert, key, cacert: ca });

test('a Secret that cannot be used says why, and its gateways keep the last that could', async () => {
  const signer = await authority('test');
  const [good, other] = [await leaf(signer, { dnsNames: ['a.example'] }), await leaf(signer, { dnsNames: ['b.example'] })];
  const { secret, said, sent, end } = gatewayWith();
  secret(holds(good, signer.pem));
  const first = sent();
  assert.ok(first);
  assert.deepEqual(said(), []);
  const wrong: readonly (readonly [Record<string, string>, string])[] = [
    [{ ...holds(good, signer.pem), key: other.key }, 'its key is not that of its first certificate'],
    [{ ...holds(good, signer.pem), key: 'none' }, 'its key is no PEM private key without a passphrase'],
    [{ ...holds(good, signer.pem), cert: 'none' }, 'it has no PEM certificate'],
    [
      { ...holds(good, signer.pem), cert: good.cert.replace(/\n[A-Za-z0-9+/]{10}/, '\nAAAAAAAAAA') },
      'its certificate 1 cannot be read',
    ],
  ];
  for (const [data, problem] of wrong) {
    secret(data);
    assert.deepEqual(said(), [`site: it cannot be used for TLS: ${problem}`]);
    assert.equal(sent(), first);
  }
  secret(holds(other, signer.pem));
  assert.deepEqual(said(), []);
  assert.notDeepEqual(sent(), first);
  secret(holds(other, 'no authority'));
  assert.deepEqual(said(), ['site: it cannot be used for TLS: it has no PEM certificate']);
  end();
});
