// What `lateen test` says of requests that do what is expected, and of those that do not.

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { meshFrom } from './api.ts';
import { runTests } from './run.ts';
import { recordedTerminal } from '../../../test/support/terminal.ts';

const workload = (name: string, version: string): string => `---
apiVersion: apps/v1
kind: Deployment
metadata: {name: ${name}-${version}, namespace: default}
spec:
  selector: {matchLabels: {app: ${name}}}
  template:
    metadata: {labels: {app: ${name}, version: ${version}}}
    spec: {serviceAccountName: ${name}, containers: [{name: app, image: a}]}
`;

const mesh = `---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: default}
spec: {selector: {app: web}, ports: [{name: http, port: 80}]}
${workload('web', 'v1')}${workload('web', 'v2')}${workload('client', 'v1')}---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: web, namespace: default}
spec: {host: web, subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web, namespace: default}
spec:
  hosts: [web]
  http:
  - match: [{uri: {prefix: /old}}]
    redirect: {uri: /new}
  - match: [{uri: {prefix: /cut}}]
    fault: {abort: {httpStatus: 418, percentage: {value: 25}}}
    route: [{destination: {host: web, subset: v1}}]
  - match: [{uri: {prefix: /api}}]
    rewrite: {uri: /v2/api, authority: inner}
    headers: {request: {set: {x-tier: gold}, remove: [x-debug]}}
    mirror: {host: web, subset: v2}
    timeout: 3s
    retries: {attempts: 5, perTryTimeout: 1s}
    route: [{destination: {host: web, subset: v1}}]
  - route: [{destination: {host: web, subset: v1}, weight: 90}, {destination: {host: web, subset: v2}, weight: 10}]
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: web, namespace: default}
spec: {selector: {matchLabels: {app: web}}, rules: [{from: [{source: {principals: [cluster.local/ns/default/sa/client]}}]}]}
`;

interface Case {
  readonly request: string;
  readonly expect: string;
  /** What it fails with; absent: it passes. */
  readonly fails?: RegExp;
}

const from = 'from: client-v1, ';
const cases: readonly Case[] = [
  {
    request: `${from}request: GET http://web/`,
    expect: 'shares: {v1: 90, v2: 10}, arrives: true, service: web, port: 80, tls: mutual',
  },
  { request: `${from}request: GET http://web/`, expect: 'shares: {v1: 80}', fails: /expected 80 % for v1, it gets 90 %/ },
  {
    request: `${from}request: GET http://web/`,
    expect: 'subset: v1',
    fails: /expected subset v1, but it goes to outbound\|80\|v1.*90 %.*10 %/,
  },
  { request: `${from}request: GET http://web/`, expect: 'service: api', fails: /expected service api/ },
  { request: `${from}request: GET http://web/`, expect: 'workload: web-v2, shares: {web v2: 10}' },
  {
    request: `${from}request: GET http://web/`,
    expect: 'workload: api-v1',
    fails: /expected that workload api-v1 serves it, but web-v1.default and web-v2.default do/,
  },
  { request: `${from}request: GET http://web/old`, expect: 'status: 301, location: http://web/new' },
  {
    request: `${from}request: GET http://web/old`,
    expect: 'location: http://web/newer',
    fails: /expected a redirect to http:\/\/web\/newer, it is to http:\/\/web\/new/,
  },
  { request: `${from}request: GET http://web/cut`, expect: 'status: {418: 25}, shares: {v1: 75}' },
  {
    request: `${from}request: GET http://web/cut`,
    expect: 'status: 418',
    fails: /expected status 418, but 75 % arrives .*; 25 % is answered 418/,
  },
  {
    request: `${from}headers: {x-debug: "1"}, request: GET http://web/api/x?y`,
    expect:
      'sent: {path: /v2/api/x?y, authority: inner, headers: {x-tier: gold}, without: [x-debug]}, timeout: 3s, retries: 5, mirrors: [web]',
  },
  {
    request: `${from}request: GET http://web/api`,
    expect: 'sent: {path: /api, headers: {x-tier: iron}}',
    fails: /expected path \/api in what is sent, it is \/v2\/api\n.*expected header x-tier: iron/,
  },
  { request: `${from}request: GET http://web/api`, expect: 'timeout: 10s', fails: /expected a timeout of 10s, it is 3 s/ },
  { request: `${from}request: GET http://web/api`, expect: 'decidedBy: "VirtualService/default/web spec.http[2]"' },
  {
    request: `${from}request: GET http://web/api`,
    expect: 'decidedBy: "VirtualService/default/web spec.http[3]"',
    fails: /expected that VirtualService\/default\/web spec.http\[3\] decides, but these do: .*spec.http\[2\]/,
  },
  { request: 'request: GET http://web/', expect: 'status: 403, arrives: false' },
  {
    request: 'request: GET http://web/',
    expect: 'arrives: true',
    fails: /expected that it arrives, but 90 % is answered 403 by the proxy of web-v1.default: denied/,
  },
  { request: 'request: tcp web:9999', expect: 'arrives: true, cluster: PassthroughCluster' },
  {
    request: 'from: nobody, request: GET http://web/',
    expect: 'arrives: true',
    fails: /no workload or pod nobody in namespace default/,
  },
  { request: 'request: FETCH it now', expect: 'arrives: true', fails: /one argument too many/ },
];

describe('lateen test', () => {
  let folder = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'lateen-test-'));
    writeFileSync(join(folder, 'mesh.yaml'), mesh);
  });
  after(() => rmSync(folder, { recursive: true }));

  async function run(tests: string, more: object = {}): Promise<{ readonly code: number; readonly text: string }> {
    writeFileSync(join(folder, 'web.test.yaml'), tests);
    const { terminal, both } = recordedTerminal();
    const code = await runTests([folder], { output: 'text', ...more }, terminal);
    return { code, text: both().replaceAll(`${folder}/`, '') };
  }

  for (const { request, expect, fails } of cases) {
    it(`${request} → ${expect}${fails === undefined ? '' : ', which is not so'}`, async () => {
      const { code, text } = await run(`tests: [{${request}, expect: {${expect}}}]\n`);
      if (fails === undefined) assert.match(text, /^1 passed/, text);
      else assert.match(text, fails);
      assert.equal(code, fails === undefined ? 0 : 1);
    });
  }

  it('names the rules that no test went through', async () => {
    const { text } = await run('tests: [{request: GET http://web/, expect: {status: 403}}]', { coverage: true });
    assert.match(text, /VirtualService\/default\/web spec.http\[0\] {2}mesh.yaml:\d+/);
    assert.match(text, /AuthorizationPolicy\/default\/web spec.rules\[0\]/);
    assert.match(text, /1 of 5 rules had a request/);
  });

  it('does not run a test that it does not understand to the last word, and runs the others', async () => {
    const { code, text } = await run(
      'tests:\n- request: GET http://web/\n  expect: {arives: true}\n- {request: GET http://web/, expect: {status: 403}}\n',
    );
    assert.equal(code, 1);
    assert.match(text, /web.test.yaml:3:\d+: error LAT1002 .*"arives".*did you mean `arrives`/);
    assert.match(text, /1 passed/);
  });

  it('says that there is nothing to do', async () => {
    const empty = join(folder, 'empty');
    mkdirSync(empty);
    const { terminal } = recordedTerminal();
    await assert.rejects(runTests([empty], { output: 'text' }, terminal), /there are no tests/);
    await assert.rejects(runTests([join(folder, 'nowhere')], { output: 'text' }, terminal), /there is no file or folder/);
  });

  it('writes XML that holds whatever names and messages are made of', async () => {
    const { text } = await run(
      `tests: [{name: 'a < b & "c"\\u0007', from: nobody, request: GET http://web/, expect: {arrives: true}}]`,
      {
        output: 'junit',
      },
    );
    assert.match(text, /<testcase name="a &lt; b &amp; &quot;c&quot;/);
    assert.match(text, /<testsuites name="lateen test" tests="1" failures="1">/);
  });

  it('is there for other runners, too', () => {
    const tested = meshFrom(join(folder, 'mesh.yaml'));
    tested.expect('GET http://web/api', { from: 'client-v1' }, { subset: 'v1', timeout: '3s' });
    assert.throws(
      () => tested.expect('GET http://web/', {}, { arrives: true }),
      /expected that it arrives, but 90 % is answered 403[^]*denied/,
    );
    assert.throws(() => tested.expect('GET http://web/', {}, { arives: true } as object), /arives/);
    assert.equal(tested.ask('GET http://web/').endings[0]?.status, 403);
  });
});
