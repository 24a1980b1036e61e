import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Failure } from '../failure.ts';
import { verb, type WhyOptions } from '../verbs/why.ts';
import { recordedTerminal } from '../../../test/support/terminal.ts';

const mesh = `apiVersion: v1
kind: Service
metadata: {name: web}
spec: {clusterIP: 10.96.0.5, selector: {app: web}, ports: [{name: http, port: 80}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template: {metadata: {labels: {app: web}}, spec: {containers: [{name: c, image: i}]}}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: readers}
spec:
  rules:
    - to: [{operation: {methods: [GET]}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web}
spec:
  hosts: [web]
  http:
    - match: [{uri: {prefix: /v1}}]
      route: [{destination: {host: web}}]
---
apiVersion: v1
kind: Namespace
metadata: {name: istio-system, labels: {topology.istio.io/network: near}}
`;

const elsewhere = `apiVersion: v1
kind: Service
metadata: {name: web}
spec: {clusterIP: 10.96.0.5, selector: {app: web}, ports: [{name: http, port: 80}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web-east}
spec:
  selector: {matchLabels: {app: web}}
  template: {metadata: {labels: {app: web}}, spec: {containers: [{name: c, image: i}]}}
`;
const networks = 'networks: {far: {endpoints: [{fromRegistry: east}], gateways: [{address: 203.0.113.9, port: 15443}]}}';

/** `east` and `networks` in options stand for their files. */
async function why(args: readonly string[], options: Partial<WhyOptions> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'lateen-why-'));
  const file = join(folder, 'web.yaml');
  const { terminal, out } = recordedTerminal();
  try {
    writeFileSync(file, mesh);
    writeFileSync(join(folder, 'east.yaml'), elsewhere);
    writeFileSync(join(folder, 'networks.yaml'), networks);
    const remoteCluster = options.remoteCluster?.map((text) => text.replace('=', `=${folder}/`));
    const meshNetworks = options.meshNetworks === undefined ? undefined : join(folder, options.meshNetworks);
    const given: WhyOptions = {
      file: [file],
      clusterId: 'Kubernetes',
      output: 'text',
      ...options,
      ...(remoteCluster && { remoteCluster }),
      ...(meshNetworks !== undefined && { meshNetworks }),
    };
    const exit = await verb.run({ args, options: given, terminal });
    return { exit, printed: out().replaceAll(`${folder}/`, '') };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('a story begins with its end, and says which line of which object made it so', async () => {
  const { exit, printed } = await why(['POST', 'http://web/v1']);
  assert.equal(exit, 0);
  assert.equal(
    printed,
    `POST http://web/v1 from a plain workload of namespace default

Answered 403 by the proxy of web.default: denied: no ALLOW policy lets it in (1 considered)
  ← web.yaml:18  AuthorizationPolicy/default/readers spec.rules[0]

DNS: web is web.default.svc.cluster.local, at 10.96.0.5

1  a plain workload of namespace default (outbound)
   the connection to 10.96.0.5:80 is redirected to the sidecar and meets listener 0.0.0.0_80
   a filter chain takes it: plain bytes, http/1.1 or h2c
   host web means virtual host web.default.svc.cluster.local:80 of route table 80
     ← web.yaml:1  Service/default/web
   its only route takes it: a path that begins with "/v1"
     ← web.yaml:26  VirtualService/default/web spec.http[0].match[0]
   there is no time limit
     tried again up to 2 times, on connect-failure, refused-stream, unavailable, cancelled, retriable-status-codes
   it goes to cluster outbound|80||web.default.svc.cluster.local
     ← web.yaml:1  Service/default/web
   one endpoint, over mutual TLS, as "spiffe://cluster.local/ns/default/sa/default"
     198.19.0.10:80 (web.default)

2  web.default (inbound)
   the connection to 198.19.0.10:80 meets listener virtualInbound
   filter chain 0.0.0.0_80 takes it: port 80, TLS, istio-peer-exchange, istio, istio-http/1.0, istio-http/1.1 or istio-h2
     ← web.yaml:1  Service/default/web
   mutual TLS ends here; the caller is spiffe://cluster.local/ns/default/sa/default
   host web means virtual host inbound|http|80 of route table inbound|80||
     ← web.yaml:1  Service/default/web
   its only route takes it: any path
 ✗ denied: no ALLOW policy lets it in (1 considered)
     AuthorizationPolicy default/readers, rule 1 asks for method "GET"; the request has method "POST"
     ← web.yaml:18  AuthorizationPolicy/default/readers spec.rules[0]

Note: The manifests name no pods of web: one of each is taken to run and to be ready.
`,
  );
});

test('a 404 names the nearest route and the condition that it failed', async () => {
  const { printed } = await why(['GET', 'http://web/v2']);
  assert.match(
    printed,
    /Answered 404 by the proxy of a plain workload of namespace default \[NR\]: its only route does not take the request/,
  );
  assert.match(printed, /wants a path that begins with "\/v1"; the request has path "\/v2"/);
});

test('exit codes: 0 for an answer; with --fail 1 unless it arrives', async () => {
  assert.equal((await why(['GET', 'http://web/v1'], { fail: true })).exit, 0);
  assert.equal((await why(['GET', 'http://web/v2'])).exit, 0);
  assert.equal((await why(['GET', 'http://web/v2'], { fail: true })).exit, 1);
  assert.equal((await why(['dns', 'web'], { fail: true })).exit, 0);
  assert.equal((await why(['dns', 'nobody.default.svc.cluster.local'], { fail: true })).exit, 1);
});

test('the answer as data has the steps, the ends and the places', async () => {
  const { printed } = await why(['GET', 'http://web/v1'], { output: 'json' });
  const told = JSON.parse(printed) as {
    readonly endings: readonly { readonly kind: string; readonly cluster: string }[];
    readonly journey: {
      readonly explanation: { readonly steps: readonly { readonly origins: readonly { readonly place?: string }[] }[] };
    };
  };
  assert.deepEqual(
    told.endings.map(({ kind, cluster }) => [kind, cluster]),
    [['arrives', 'inbound|80||']],
  );
  assert.ok(told.journey.explanation.steps.some(({ origins }) => origins.some(({ place }) => place?.endsWith('web.yaml:26'))));
  assert.match((await why(['GET', 'http://web/v1'], { output: 'yaml' })).printed, /^title: GET http:\/\/web\/v1/);
});

test('another cluster’s pods serve too, directly or through the gateway of their network', async () => {
  const remoteCluster = ['east=east.yaml'];
  const near = await why(['GET', 'http://web/v1'], { remoteCluster });
  assert.match(near.printed, /50 %: it arrives at web\.default,/i);
  assert.match(near.printed, /50 %: it arrives at web-east\.default in cluster east,/i);
  assert.match(near.printed, /manifests of cluster east name no pods of web-east/);
  const far = await why(['GET', 'http://web/v1'], { remoteCluster, meshNetworks: 'networks.yaml' });
  assert.match(far.printed, /203\.0\.113\.9:15443/);
  assert.match((await why(['GET', 'http://web/v1'], { remoteCluster, from: 'web-east' })).printed, /from web-east\.default/);
});

const wrong: readonly (readonly [args: readonly string[], options: Partial<WhyOptions>, message: RegExp])[] = [
  [['GET', 'http://web/'], { from: 'wep' }, /no workload or pod wep/],
  [['GET', 'http://web/'], { gateway: 'web' }, /web is no gateway/],
  [['GET', 'http://web/'], { from: 'web', gateway: 'web' }, /twice/],
  [['GET', 'http://web/'], { header: ['nothing'] }, /is no header/],
  [['GET', 'http://web/'], { jwt: 'secret-token' }, /neither a token nor claims/],
  [['GET', 'http://web/'], { sourceIp: 'here' }, /no IP address/],
  [['GET', 'http://web/'], { dump: ['x'] }, /two different worlds/],
  [['GET', 'http://web/'], { remoteCluster: ['east'] }, /is not ID=FILE/],
  [['GET', 'http://web/'], { remoteCluster: ['Kubernetes=east.yaml'] }, /is the primary cluster/],
];
for (const [args, options, message] of wrong) {
  test(`${args.join(' ')} with ${JSON.stringify(options)} is refused in words`, () =>
    assert.rejects(
      why(args, options),
      (error: unknown) => error instanceof Failure && message.test(error.message) && !error.message.includes('secret-token'),
    ));
}
