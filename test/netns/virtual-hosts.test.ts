// Virtual hosts one by one in a whole mesh: two callers that differ in delivery alone, the one with whole tables and the other with a
// large one apart, see the same while services with rules come, change and go.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { stringify } from 'yaml';
import { node, startMesh, whyNoMesh, type RunningMesh } from '../support/mesh.ts';
import { until } from '../support/until.ts';

const skip = whyNoMesh();

const pod = (name: string, delivery: string) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'default', labels: { app: name }, annotations: { 'lateen.dev/delivery': delivery } },
  spec: {
    containers: [
      {
        name,
        image: 'curlimages/curl',
        command: [node, '-e', "require('node:http').createServer((_, response) => response.end('served')).listen(8080)"],
        ports: [{ containerPort: 8080 }],
      },
    ],
  },
});

const service = (name: string) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace: 'default' },
  spec: { selector: { app: 'demand' }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
});

/** A rule that answers by itself, but under one path. */
const rule = (name: string, body: string) => ({
  apiVersion: 'networking.istio.io/v1',
  kind: 'VirtualService',
  metadata: { name, namespace: 'default' },
  spec: {
    hosts: [name],
    http: [
      { match: [{ uri: { prefix: '/served' } }], route: [{ destination: { host: name } }] },
      { match: [{ uri: { prefix: '/rule' } }], directResponse: { status: 200, body: { string: body } } },
    ],
  },
});

const ruled = (from: number, to: number, version = 1) =>
  Array.from({ length: to - from }, (_, index) => `s${from + index}`).flatMap((name) => [
    service(name),
    rule(name, `${name} ${version}`),
  ]);

const yaml = (documents: readonly object[]): string => documents.map((each) => stringify(each)).join('---\n');

let mesh: RunningMesh;

before(async () => {
  if (skip !== false) return;
  mesh = await startMesh({ text: yaml([pod('demand', 'demand'), pod('eager', 'eager'), service('plain'), ...ruled(0, 90)]) });
});

after(() => mesh?.[Symbol.asyncDispose]());

/** What both callers are answered, which must be one thing. */
async function both(url: string): Promise<string> {
  const [one, other] = await Promise.all(['demand', 'eager'].map((caller) => mesh.curl(caller, url)));
  assert.deepEqual(one, other, url);
  return `${one?.status} ${one?.body}`;
}

/** Waits until the objects have arrived everywhere. */
async function arrived(...objects: readonly string[]): Promise<void> {
  const { code, stdout, stderr } = await mesh.lateen(['wait', ...objects, '--timeout', '30s']);
  assert.equal(code, 0, stdout + stderr);
}

const tables = async (caller: string): Promise<string> => mesh.admin(caller, '/config_dump?resource=dynamic_route_configs');

test('a table that grows past a hundred hosts is brought over while requests run', { skip }, async () => {
  assert.deepEqual([await both('http://s7/rule'), await both('http://s7/served')], ['200 s7 1', '200 served']);
  assert.deepEqual([await both('http://s7/none'), await both('http://plain/')], ['404 ', '200 served']);
  assert.doesNotMatch(await tables('demand'), /vhds/);
  const traffic = mesh.exec('demand', [
    node,
    '-e',
    `const answers = {}; const end = Date.now() + 12000;
     (async function next(count) {
       if (Date.now() > end) return console.log(JSON.stringify(answers));
       const [host, path] = [['s7', '/rule'], ['s8', '/none'], ['plain', '/']][count % 3];
       const answer = await fetch('http://' + host + path).then(async (r) => host + ' ' + r.status + ' ' + await r.text(), String);
       answers[answer] = (answers[answer] ?? 0) + 1;
       next(count + 1);
     })(0)`,
  ]);
  await mesh.apply(yaml(ruled(90, 150)));
  await arrived('virtualservice/s149');
  await until(
    async () => {
      const now = await tables('demand');
      // The bridge knows hosts by what a header says.
      return now.includes('"vhds"') && !now.includes('(?i)(?:s7');
    },
    () => 'the table to be apart',
  );
  assert.deepEqual([await both('http://s149/rule'), await both('http://s7/none')], ['200 s149 1', '404 ']);
  await mesh.apply(yaml([rule('s7', 's7 2')]));
  await arrived('virtualservice/s7');
  assert.equal(await both('http://s7/rule'), '200 s7 2');
  const answers = JSON.parse(await traffic) as Record<string, number>;
  assert.deepEqual(Object.keys(answers).sort(), ['plain 200 served', 's7 200 s7 1', 's7 200 s7 2', 's8 404 ']);
});
