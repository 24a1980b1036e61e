// Commands and variables by Kubernetes' rules.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { commandOf, expand } from './container-command.ts';
import { resolveEnvironment, type EnvironmentSources } from './environment.ts';

const sources: EnvironmentSources = {
  configMap: (name) => (name === 'map' ? { A: 'from map', B: 'b' } : undefined),
  secret: (name) => (name === 'keys' ? { K: 'secret' } : undefined),
  field: (path) => (path === 'metadata.name' ? 'pod-1' : undefined),
};

test('later variables win, and can use earlier ones', () => {
  const { env, missing } = resolveEnvironment(
    {
      envFrom: [{ prefix: 'P_', configMapRef: { name: 'map' } }, { secretRef: { name: 'none', optional: true } }],
      env: [
        { name: 'ONE', value: '1' },
        { name: 'TWO', value: '$(ONE)$(UNKNOWN)$$(ONE)' },
        { name: 'P_A', valueFrom: { configMapKeyRef: { name: 'map', key: 'B' } } },
        { name: 'S', valueFrom: { secretKeyRef: { name: 'keys', key: 'K' } } },
        { name: 'N', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
        { name: 'O', valueFrom: { secretKeyRef: { name: 'keys', key: 'none', optional: true } } },
      ],
    },
    sources,
    { PATH: '/bin' },
  );
  assert.deepEqual(missing, []);
  assert.deepEqual(env, { PATH: '/bin', P_A: 'b', P_B: 'b', ONE: '1', TWO: '1$(UNKNOWN)$(ONE)', S: 'secret', N: 'pod-1' });
});

test('a reference to nothing names its field', () => {
  const { missing } = resolveEnvironment(
    {
      envFrom: [{ configMapRef: { name: 'gone' } }],
      env: [{ name: 'X', valueFrom: { secretKeyRef: { name: 'keys', key: 'no' } } }],
    },
    sources,
    {},
  );
  assert.deepEqual(
    missing.map(({ path }) => path),
    [
      ['envFrom', 0],
      ['env', 0],
    ],
  );
});

test('command replaces entrypoint and cmd, args replace cmd alone', () => {
  const images = () => ({ command: ['entry'], args: ['cmd'], workingDir: '/w', env: { V: 'image' } });
  const of = (spec: object) => commandOf({ name: 'c', image: 'i', ...spec }, images, (env) => env);
  assert.deepEqual(of({})?.argv, ['entry', 'cmd']);
  assert.deepEqual(of({ args: ['$(V)'] })?.argv, ['entry', 'image']);
  assert.deepEqual(of({ command: ['own'] })?.argv, ['own']);
  assert.deepEqual(of({ command: ['own'], args: ['x'] })?.argv, ['own', 'x']);
  assert.equal(of({ workingDir: '/mine' })?.workingDir, '/mine');
  assert.equal(
    commandOf(
      { name: 'c', image: 'i' },
      () => undefined,
      () => ({}),
    ),
    undefined,
  );
});

test('a doubled dollar is one dollar', () => {
  assert.equal(expand('$$(A) $(A) $A $$', { A: 'x' }), '$(A) x $A $');
});
