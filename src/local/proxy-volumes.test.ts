import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PodSpec } from './kubernetes.ts';
import { proxyVolumes } from './proxy-volumes.ts';

const spec: PodSpec = {
  containers: [
    { name: 'app', volumeMounts: [{ name: 'ca', mountPath: '/etc/ca/' }] },
    {
      name: 'other',
      volumeMounts: [
        { name: 'none', mountPath: '/none' },
        { name: 'ca', mountPath: '/more', subPath: 'a' },
      ],
    },
  ],
  volumes: [{ name: 'ca', configMap: { name: 'roots' } }],
};

const volumes = 'sidecar.istio.io/userVolume';
const mounts = 'sidecar.istio.io/userVolumeMount';

test("the containers' volumes, where they are mounted", () => {
  assert.deepEqual(proxyVolumes(spec, {}), {
    volumes: spec.volumes,
    mounts: [
      { volume: 'ca', target: '/etc/ca', subPath: '' },
      { volume: 'ca', target: '/more', subPath: 'a' },
    ],
    wrong: [],
  });
});

test("the annotations' volumes, in both forms, before those of containers", () => {
  const secret = { secretName: 'client', items: [{ key: 'tls.crt', path: 'cert.pem' }] };
  for (const annotations of [
    { [volumes]: JSON.stringify({ mine: { secret } }), [mounts]: JSON.stringify({ mine: { mountPath: '/etc/ca' } }) },
    { [volumes]: JSON.stringify([{ name: 'mine', secret }]), [mounts]: JSON.stringify([{ name: 'mine', mountPath: '/etc/ca' }]) },
  ]) {
    const found = proxyVolumes(spec, annotations);
    assert.deepEqual(found.volumes[0], { name: 'mine', secret });
    assert.deepEqual(found.mounts[0], { volume: 'mine', target: '/etc/ca', subPath: '' });
    assert.deepEqual(found.wrong, []);
  }
});

test('an annotation that is not what it should be is told, and what is right in it holds', () => {
  const wrong = (annotations: Record<string, string>) =>
    proxyVolumes(spec, annotations).wrong.map(({ annotation }) => annotation);
  for (const text of ['{', '7', '"x"', '{"../up": {"secret": {"secretName": "a"}}}', '{"a": {"hostPath": {"path": "/"}}}'])
    assert.deepEqual(wrong({ [volumes]: text }), [volumes], text);
  assert.deepEqual(wrong({ [volumes]: '{"a": {"secret": {"secretName": "a", "items": [{"key": 1}]}}}' }), [volumes]);
  assert.deepEqual(wrong({ [mounts]: '{"ca": {"mountPath": "etc"}}' }), [mounts]);
  const mixed = proxyVolumes(spec, { [mounts]: '{"ca": {"mountPath": "/one"}, "b": {}}' });
  assert.equal(mixed.mounts[0]?.target, '/one');
  assert.match(mixed.wrong[0]?.message ?? '', /as a whole/);
});
