import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { lateen } from '../support/cli.ts';

const manifests = `apiVersion: v1
kind: Service
metadata: {name: reviews}
spec:
  clusterIP: 10.96.0.20
  selector: {app: reviews}
  ports: [{name: http, port: 9080}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: reviews-1, labels: {kubernetes.io/service-name: reviews}}
addressType: IPv4
ports: [{name: http, port: 9080}]
endpoints: [{addresses: [10.0.0.7]}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: reviews-v1}
spec:
  selector: {matchLabels: {app: reviews}}
  template:
    metadata: {labels: {app: reviews, version: v1}}
    spec:
      containers: [{name: reviews, image: reviews, ports: [{containerPort: 9080}]}]
`;
const wrong = 'apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: v}\nspec: {hosts: 5}\n';

describe('offline verbs', () => {
  let folder: string;
  const file = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'lateen-cli-'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('compile prints one JSON object, sorted by name, for a node and for a workload', async () => {
    const path = file('mesh.yaml', manifests);
    const node = file(
      'node.json',
      JSON.stringify({
        id: 'sidecar~10.0.0.9~client.default~default.svc.cluster.local',
        metadata: { NAMESPACE: 'default', LABELS: { app: 'client' } },
        userAgentName: 'envoy',
        extensions: [{ name: 'x' }],
      }),
    );
    const { code, stdout, stderr } = await lateen(['compile', '-f', path, '--node', node, '-o', 'json']);
    assert.equal(code, 0, stderr);
    const printed = JSON.parse(stdout) as Record<string, { name?: string; clusterName?: string }[]>;
    assert.deepEqual(Object.keys(printed), ['listeners', 'routes', 'clusters', 'endpoints', 'secrets', 'diagnostics']);
    for (const part of ['listeners', 'routes', 'clusters', 'endpoints']) {
      const names = (printed[part] ?? []).map(({ name, clusterName }) => name ?? clusterName ?? '');
      assert.deepEqual(names, names.toSorted());
      assert.ok(names.length > 0, part);
    }
    assert.ok(printed['clusters']?.some(({ name }) => name === 'outbound|9080||reviews.default.svc.cluster.local'));
    const workload = await lateen(['compile', '-f', path, '--workload', 'reviews-v1', '-o', 'table']);
    assert.equal(workload.code, 0, workload.stderr);
    assert.match(workload.stdout, /^ADDRESS +PORT +MATCH +DESTINATION +LISTENER +ORIGIN$/m);
    assert.match(workload.stdout, /^10\.0\.0\.7:9080 +HEALTHY/m);
    assert.match(
      (await lateen(['compile', '-f', path, '--workload', 'reviews-v1.default', '-o', 'yaml'])).stdout,
      /^listeners:\n/,
    );
  });

  it('compile gives the same bytes for any order of documents, also from standard input', async () => {
    const documents = manifests.split('---\n');
    const args = ['compile', '--workload', 'reviews-v1', '-o', 'json', '-f'];
    const forward = await lateen([...args, file('forward.yaml', documents.join('---\n'))]);
    const backward = await lateen([...args, '-'], { input: documents.toReversed().join('---\n') });
    assert.equal(forward.code, 0, forward.stderr);
    assert.equal(backward.stdout, forward.stdout);
  });

  it('compile leaves a wrong object out and says so; it fails only with --strict', async () => {
    const args = ['compile', '-f', file('wrong.yaml', `${manifests}---\n${wrong}`), '--workload', 'reviews-v1', '-o', 'json'];
    const lenient = await lateen(args);
    assert.equal(lenient.code, 0);
    const [diagnostic] = (JSON.parse(lenient.stdout) as { diagnostics: Record<string, unknown>[] }).diagnostics;
    assert.equal(diagnostic?.['object'], 'VirtualService/default/v');
    assert.equal(diagnostic?.['line'], 29);
    const strict = await lateen([...args, '--strict']);
    assert.deepEqual([strict.code, strict.stdout], [1, lenient.stdout]);
  });

  it('compile fails when an input cannot be read or parsed, and still prints the rest', async () => {
    const broken = file('broken.yaml', `${manifests}---\na: [\n`);
    for (const args of [
      ['-f', broken],
      ['-f', file('whole.yaml', manifests), '-f', join(folder, 'none.yaml')],
    ]) {
      const { code, stdout } = await lateen(['compile', ...args, '--workload', 'reviews-v1', '-o', 'json']);
      assert.equal(code, 1);
      assert.ok((JSON.parse(stdout) as { clusters: unknown[] }).clusters.length > 0);
    }
    const node = file('bad.json', '{"id": "nonsense"}');
    const bad = await lateen(['compile', '-f', broken, '--node', node]);
    assert.deepEqual([bad.code, bad.stdout], [1, '']);
    assert.match(bad.stderr, /TYPE~IP~NAME~DNSDOMAIN/);
  });

  it('tells usage errors by exit code 2, and what was meant', async () => {
    const cases: [args: string[], message: RegExp][] = [
      [['gett'], /Did you mean get\?/],
      [['get'], /missing required argument/],
      [['get', 'vs', '--outputt', 'json'], /Did you mean --output\?/],
      [['get', 'vs', '-o', 'xml'], /there is no format xml/],
      [['compile', '-f', 'x'], /either --node .* or --workload/],
      [['compile', '-f', 'x', '--workload', 'w', '-o', 'xml'], /there is no format xml \(use json, yaml, table\)/],
      [['apply'], /no manifest given/],
      [['proxy', 'x', 'listners'], /there is no topic listners/],
      [['control', '--xds', 'nonsense'], /--xds nonsense is not an address/],
      [['help', 'gett'], /there is no verb gett \(did you mean get\?\)/],
      [['version', '-o', 'xml'], /there is no format xml/],
      [['ps', '-o', 'xml'], /there is no format xml/],
      [['up', '-f', '-'], /standard input cannot be watched/],
      [['exec', 'x', 'curl', '-s', 'y'], /unknown option '-s'\nlateen exec --help shows/],
      [[], /Usage: lateen/],
    ];
    for (const [args, message] of cases) {
      const { code, stderr } = await lateen(args);
      assert.equal(code, 2, args.join(' '));
      assert.match(stderr, message);
    }
  });

  it('says that no mesh runs, and where it looked', async () => {
    const state = join(folder, 'nowhere');
    for (const args of [['get', 'vs'], ['status'], ['ps'], ['logs', 'x'], ['exec', 'x', '--', 'ls']]) {
      const [verb = '', ...rest] = args;
      const { code, stderr } = await lateen([verb, '--state', state, ...rest]);
      assert.equal(code, 1);
      assert.match(stderr, new RegExp(`^lateen: no mesh is running with the state folder ${state}`));
    }
  });

  it('validate reports each fault with its place', async () => {
    const path = file('validate.yaml', `${manifests}---\n${wrong}`);
    const { code, stdout, stderr } = await lateen(['validate', '-f', path]);
    assert.equal(code, 1);
    assert.match(stderr, new RegExp(`^${path}:\\d+:\\d+: error LAT\\d+ VirtualService/default/v spec.hosts: `, 'm'));
    assert.match(stdout, /^4 objects read: 1 error$/m);
    assert.equal((await lateen(['validate', '-f', file('good.yaml', manifests)])).code, 0);
  });

  it('ends quietly when its reader goes away', async () => {
    const path = file('pipe.yaml', manifests);
    const child = spawn('sh', ['-c', '"$0" compile -f "$1" --workload reviews-v1 | head -c 10; exit 0', 'bin/lateen', path], {
      cwd: new URL('../..', import.meta.url).pathname,
    });
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.stdout.resume();
    await once(child, 'close');
    assert.equal(stderr, '');
  });
});
