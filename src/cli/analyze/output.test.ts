// What `lateen analyze` reads and prints, in this process: files of all sorts, text, SARIF, levels and exit codes.

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Failure } from '../failure.ts';
import { program } from '../program.ts';
import { recordedTerminal } from '../../../test/support/terminal.ts';

const mesh = `apiVersion: v1
kind: Service
metadata: {name: shop}
spec: {selector: {app: shop}, ports: [{name: web, port: 80}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: [shop]
  http:
    - route: [{destination: {host: gone}}]
`;

interface Ran {
  readonly code: number;
  readonly text: string;
}

async function analyze(...args: string[]): Promise<Ran> {
  const { terminal, both } = recordedTerminal({ style: (style, word) => (style === 'red' ? `<${word}>` : word) });
  return { code: await program(['analyze', ...args], terminal), text: both() };
}

describe('lateen analyze', () => {
  let folder: string;
  const file = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'lateen-analyze-'));
    file('mesh.yaml', mesh);
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('prints findings with place, code, object, words and advice, and counts them', async () => {
    const path = join(folder, 'mesh.yaml');
    const { code, text } = await analyze('-f', path);
    assert.equal(code, 1);
    assert.deepEqual(text.split('\n'), [
      path,
      `  ${path}:4:39 info IST0118 Service/default/shop spec.ports[0]`,
      "      port 80 is named web, which says no protocol: each connection's first bytes decide",
      '      → set appProtocol (http, http2, grpc, tcp, tls, …), or begin the name with it: http-web, tcp-db',
      '',
      `  ${path}:12:16 <error> IST0101 VirtualService/default/shop spec.http[0].route[0].destination`,
      '      host gone.default.svc.cluster.local is no service that this namespace sees',
      '      → create the Service or ServiceEntry, or correct the host; until then requests to it get 503',
      '',
      '2 objects analysed: 1 error, 1 note',
      '',
    ]);
  });

  it('shows from one level on, and fails from another', async () => {
    const path = join(folder, 'mesh.yaml');
    const shown = await analyze(path, '--severity', 'warning');
    assert.ok(!shown.text.includes('IST0118') && shown.text.endsWith('1 error, 1 note, 1 not shown\n'), shown.text);
    assert.equal((await analyze(path, '--suppress', 'IST0101')).code, 0);
    assert.equal((await analyze(path, '--suppress', 'IST0101', '--fail-on', 'info')).code, 1);
    const wrong: readonly string[][] = [
      ['--severity', 'bad'],
      ['--fail-on', 'never'],
      ['-o', 'xml'],
      ['--suppress', 'IST01'],
    ];
    for (const args of wrong) {
      await assert.rejects(analyze(path, ...args), (error) => error instanceof Failure && error.exitCode === 2, args.join(' '));
    }
  });

  it('passes over what is no business of a mesh, and takes the pods of other kinds for what they are', async () => {
    const inner = join(folder, 'repository');
    mkdirSync(inner);
    const daemons = (labels: string) =>
      `apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: d}\nspec: {template: {metadata: {labels: {app: ${labels}}}}}\n`;
    file('repository/chart.yaml', 'metadata: {{ .Values.name }}\n  - x\n');
    file('repository/values.yaml', 'replicas: 3\n');
    file('repository/daemons.yaml', daemons('agent'));
    file(
      'repository/service.yaml',
      'apiVersion: v1\nkind: Service\nmetadata: {name: agent}\nspec: {selector: {app: agent}, ports: [{name: http, port: 80}]}\n',
    );
    const { code, text } = await analyze(inner, '--fail-on', 'info');
    assert.equal(code, 0, text);
    assert.match(text, /^skipped: 1 × DaemonSet of apps\/v1 \(.*daemons\.yaml:1\)$/m);
    assert.match(text, /^skipped: 1 × no Kubernetes object \(.*values\.yaml:1\)$/m);
    assert.match(text, /^skipped: 1 × a template, not YAML \(.*chart\.yaml\)$/m);
    file('repository/daemons.yaml', daemons('other'));
    assert.match((await analyze(inner)).text, /LAT2101 Service\/default\/agent/);
    // What is neither YAML nor a template is a mistake.
    file('repository/chart.yaml', 'kind: [\n');
    assert.equal((await analyze(inner)).code, 1);
  });

  it('prints JSON, YAML and SARIF of the same findings', async () => {
    const path = join(folder, 'mesh.yaml');
    const json = JSON.parse((await analyze(path, '-o', 'json')).text) as {
      objects: number;
      diagnostics: { code: string; line: number }[];
    };
    assert.deepEqual([json.objects, json.diagnostics.map(({ code }) => code)], [2, ['IST0118', 'IST0101']]);
    assert.match((await analyze(path, '-o', 'yaml')).text, /^- code: IST0118$/m);
    const log = JSON.parse((await analyze(path, '-o', 'sarif')).text) as Sarif;
    const [run] = log.runs;
    assert.deepEqual(
      run?.results.map(({ ruleId, locations }) => [ruleId, locations[0]?.physicalLocation.region.startLine]),
      json.diagnostics.map(({ code, line }) => [code, line]),
    );
  });
});

interface Sarif {
  readonly runs: readonly {
    readonly results: readonly {
      readonly ruleId: string;
      readonly locations: readonly { readonly physicalLocation: { readonly region: { readonly startLine: number } } }[];
    }[];
  }[];
}
