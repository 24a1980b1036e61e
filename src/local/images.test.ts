// Image names: registries and tags do not matter, versions and a person's own rules do.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { builtInImages, imageName, imagesOf, parseImages } from './images.ts';

const builtIn = builtInImages({ node: '/node', programs: '/samples' });

test('an image’s name is free of registry, tag and digest', () => {
  for (const image of [
    'istio/app',
    'docker.io/istio/app:1.2',
    'localhost:5000/istio/app',
    'localhost/istio/app@sha256:abc',
    'r.io/istio/app:1@sha256:0',
  ])
    assert.equal(imageName(image), 'istio/app', image);
  assert.equal(imageName('nginx:1'), 'nginx');
});

test('the samples’ images run the samples’ programs', () => {
  for (const [image, program, version] of [
    ['docker.io/istio/examples-bookinfo-reviews-v3:1.20.3', 'reviews', 'v3'],
    ['mirror.example/cache/istio/examples-bookinfo-productpage-v1', 'productpage', 'v1'],
    ['istio/examples-bookinfo-ratings-v-unhealthy:9', 'ratings', 'v-unhealthy'],
    ['docker.io/istio/examples-helloworld-v2:1.0', 'helloworld', 'v2'],
    ['istio/tcp-echo-server:1.3', 'tcp-echo', undefined],
    ['docker.io/mccutchen/go-httpbin:v2.15.0', 'httpbin', undefined],
  ] as const) {
    const found = builtIn(image);
    assert.deepEqual(found?.command, ['/node', `/samples/${program}.ts`], image);
    assert.equal(found?.env?.['SERVICE_VERSION'], version, image);
  }
  assert.equal(builtIn('docker.io/istio/examples-bookinfo-mongodb:1'), undefined);
  assert.equal(builtIn('nginx'), undefined);
});

test('a person’s rules come first, by name or glob', () => {
  const { rules, diagnostics } = parseImages(
    'nginx: {command: [my-nginx]}\nexample/*: {command: [any], args: [a], env: {N: 1}}\n',
    'images.yaml',
  );
  assert.deepEqual(diagnostics, []);
  const images = imagesOf([...rules, { pattern: 'curlimages/curl', program: { command: ['mine'] } }], builtIn);
  assert.deepEqual(images('docker.io/nginx:1.27')?.command, ['my-nginx']);
  assert.deepEqual(images('r.io/example/x:1'), { command: ['any'], args: ['a'], env: { N: '1' } });
  assert.deepEqual(images('curlimages/curl')?.command, ['mine']);
});

test('a rule that says nothing useful is left out and told with its line', () => {
  const { rules, diagnostics } = parseImages('good: {command: [a]}\nbad: {comand: [a], command: [b]}\nworse: 7\n', 'images.yaml');
  assert.deepEqual(
    rules.map(({ pattern }) => pattern),
    ['good'],
  );
  assert.deepEqual(
    diagnostics.map(({ code, line }) => [code, line]),
    [
      ['LAT2001', 2],
      ['LAT2001', 3],
    ],
  );
  assert.equal(parseImages('a: [', 'x').diagnostics.length, 1);
});
