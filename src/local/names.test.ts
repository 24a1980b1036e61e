// Names: stable, within Kubernetes' limits and alphabet.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deploymentPodName, hashName, templateHash } from './names.ts';

test('a template has the same hash in whatever order it is written', () => {
  assert.equal(templateHash({ a: 1, b: { c: [1, 2], d: 2 } }), templateHash({ b: { d: 2, c: [1, 2] }, a: 1 }));
  assert.notEqual(templateHash({ a: [1, 2] }), templateHash({ a: [2, 1] }));
  assert.match(templateHash({}), /^[bcdfghjklmnpqrstvwxz2456789]{10}$/);
});

test('a pod’s name stays a DNS label', () => {
  assert.equal(deploymentPodName('web', 'hhhhhhhhhh', 'sssss'), 'web-hhhhhhhhhh-sssss');
  const long = deploymentPodName('a'.repeat(80), hashName('x', 10), hashName('y', 5));
  assert.equal(long.length, 63);
});
