// What plans say of changes: manifests before, manifests after, and the text that a person reads.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { planFiles } from './run.ts';
import { recordedTerminal } from '../../../test/support/terminal.ts';

const workload = (name: string, replicas = 1): string => `---
apiVersion: v1
kind: Service
metadata: {name: ${name}, namespace: default}
spec: {selector: {app: ${name}}, ports: [{name: http, port: 80}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: ${name}-v1, namespace: default}
spec:
  replicas: ${replicas}
  selector: {matchLabels: {app: ${name}}}
  template:
    metadata: {labels: {app: ${name}, version: v1}}
    spec: {containers: [{name: app, image: a}]}
`;

const rule = (http: string): string => `---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web, namespace: default}
spec:
  hosts: [web]
  http: ${http}
`;

const destination = (policy: string): string => `---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: web, namespace: default}
spec: {host: web, trafficPolicy: ${policy}}
`;

const security = (kind: string, name: string, spec: string): string => `---
apiVersion: security.istio.io/v1
kind: ${kind}
metadata: {name: ${name}, namespace: default}
spec: ${spec}
`;

const to = (more = ''): string => `{route: [{destination: {host: web}}]${more}}`;

interface Case {
  readonly says: string;
  readonly was: string;
  readonly is: string;
  readonly lines: readonly string[];
}

const cases: readonly Case[] = [
  {
    says: 'what of a route is another: its time, and who takes a share',
    was: rule(`[${to(', timeout: 10s')}]`),
    is: rule('[{route: [{destination: {host: web}, weight: 90}, {destination: {host: api}, weight: 10}], timeout: 2s}]'),
    lines: [
      '~ VirtualService/default/web changed  new.yaml:2',
      'api-v1.default, web-v1.default',
      '  requests for web.default.svc.cluster.local:80',
      '    ~ any path: to web.default:80 → web.default:80 90 %, api.default:80 10 %  VirtualService/default/web spec.http[0] new.yaml:7',
      '    ~ any path: timeout 10 s → 2 s  VirtualService/default/web spec.http[0] new.yaml:7',
      '2 workloads change, 0 do not.',
    ],
  },
  {
    says: 'routes that come, go and change places',
    was: rule(`[{match: [{uri: {prefix: /a}}], ${to().slice(1)}, {match: [{uri: {prefix: /b}}], ${to().slice(1)}, ${to()}]`),
    is: rule(
      `[{match: [{uri: {prefix: /b}}], ${to().slice(1)}, {match: [{uri: {prefix: /a}}], ${to().slice(1)}, {match: [{uri: {exact: /c}}], redirect: {uri: /d}}]`,
    ),
    lines: [
      '    - any path: to web.default:80  VirtualService/default/web spec.http[2] old.yaml:7',
      '    + path "/c": redirects 301 to path /d  VirtualService/default/web spec.http[2].match[0] new.yaml:7',
      '    ~ order: a path that begins with "/b" now comes before a path that begins with "/a"',
    ],
  },
  {
    says: 'a fault that is new, and a header that is no more',
    was: rule(`[${to(', headers: {request: {set: {x-a: b}}}')}]`),
    is: rule(`[${to(', fault: {abort: {httpStatus: 503, percentage: {value: 50}}}')}]`),
    lines: [
      '    ~ any path: request headers set x-a: b → none  VirtualService/default/web spec.http[0] new.yaml:7',
      '    ~ any path: fault none → 503 for 50 %  VirtualService/default/web spec.http[0] new.yaml:7',
    ],
  },
  {
    says: 'how a destination is reached',
    was: destination('{loadBalancer: {simple: RANDOM}}'),
    is: destination('{tls: {mode: DISABLE}, connectionPool: {tcp: {maxConnections: 7, connectTimeout: 1s}}}'),
    lines: [
      '  destination web.default:80',
      '    ~ TLS mutual to servers with tlsMode "istio", plaintext to others → plaintext  DestinationRule/default/web new.yaml:2',
      '    ~ balancing RANDOM → LEAST_REQUEST  DestinationRule/default/web new.yaml:2',
      '    ~ connect timeout 10s → 1s  DestinationRule/default/web new.yaml:2',
    ],
  },
  {
    says: 'who may call, for each rule of a policy, at those whom it is for',
    was: security(
      'AuthorizationPolicy',
      'viewer',
      '{selector: {matchLabels: {app: web}}, rules: [{to: [{operation: {methods: [GET]}}]}]}',
    ),
    is:
      security(
        'AuthorizationPolicy',
        'viewer',
        '{selector: {matchLabels: {app: web}}, rules: [{to: [{operation: {methods: [POST]}}]}]}',
      ) +
      security(
        'AuthorizationPolicy',
        'guard',
        '{action: DENY, selector: {matchLabels: {app: web}}, rules: [{from: [{source: {namespaces: [other]}}]}]}',
      ),
    lines: [
      'web-v1.default',
      '  connections at virtualInbound',
      '    + DENY: what a rule matches',
      '    + DENY AuthorizationPolicy/default/guard spec.rules[0]  new.yaml:10',
      '    ~ ALLOW AuthorizationPolicy/default/viewer spec.rules[0]  new.yaml:5',
      '1 workload changes, 1 does not.',
    ],
  },
  {
    says: 'what is taken, plaintext or mutual TLS',
    was: '',
    is: security('PeerAuthentication', 'default', '{mtls: {mode: STRICT}}'),
    lines: [
      '    ~ every other port takes mutual TLS and plaintext → mutual TLS',
      '    ~ port 80 takes mutual TLS and plaintext → mutual TLS',
    ],
  },
  {
    says: 'a service that is new, without what follows from it',
    was: '',
    is: workload('late'),
    lines: [
      '+ Service/default/late created  new.yaml:2',
      '+ Deployment/default/late-v1 created  new.yaml:7',
      '  requests for late.default.svc.cluster.local:80 added',
      '    + any path: to late.default:80',
      '  destination late.default:80 added',
    ],
  },
  {
    says: 'what has no words by the names of its fields',
    was: '',
    is: `---
apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: {name: patch, namespace: default}
spec:
  configPatches:
  - applyTo: CLUSTER
    match: {context: SIDECAR_OUTBOUND, cluster: {service: web.default.svc.cluster.local}}
    patch: {operation: MERGE, value: {per_connection_buffer_limit_bytes: 4096}}
`,
    lines: ['    ~ perConnectionBufferLimitBytes none → 4096  EnvoyFilter/default/patch new.yaml:2'],
  },
  {
    says: 'what of the mesh’s own configuration is another, and what that changes',
    was: '',
    is: `---
apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data: {mesh: "outboundTrafficPolicy: {mode: REGISTRY_ONLY}"}
`,
    lines: [
      '+ ConfigMap/istio-system/istio created  new.yaml:2',
      '~ MeshConfig outboundTrafficPolicy.mode ALLOW_ANY → REGISTRY_ONLY',
      '2 workloads change, 0 do not.',
    ],
  },
  {
    says: 'what is told of objects with the change, and no more',
    was: rule('[{route: [{destination: {host: nowhere}}]}]'),
    is: rule('[{route: [{destination: {host: web, subset: v9}}]}]'),
    lines: ['With the change:', 'No more:'],
  },
];

describe('a plan says', () => {
  let folder = '';
  before(() => (folder = mkdtempSync(join(tmpdir(), 'lateen-plan-'))));
  after(() => rmSync(folder, { recursive: true }));

  async function plan(paths: readonly string[], more: object): Promise<{ readonly code: number; readonly text: string }> {
    const { terminal, both } = recordedTerminal();
    const code = await planFiles(paths, { output: 'text', exitCode: true, ...more }, terminal);
    return { code, text: both().replaceAll(`${folder}/`, '') };
  }

  const mesh = workload('web') + workload('api');

  for (const { says, was, is, lines } of cases) {
    it(says, async () => {
      writeFileSync(join(folder, 'mesh.yaml'), mesh);
      writeFileSync(join(folder, 'old.yaml'), was);
      writeFileSync(join(folder, 'new.yaml'), is);
      const [base, before, now] = ['mesh.yaml', 'old.yaml', 'new.yaml'].map((name) => join(folder, name)) as [
        string,
        string,
        string,
      ];
      const { text, code } = await plan([base, now], { against: [base, before] });
      const printed = text.split('\n');
      for (const line of lines) assert.ok(printed.includes(line), `no line\n${line}\nin\n${text}`);
      // What has words is not told again by the names of its fields.
      assert.doesNotMatch(text, /~ .*: (?:route|typedPerFilterConfig)\b/);
      assert.equal(code, 3);
    });
  }

  it('that nothing changes', async () => {
    writeFileSync(join(folder, 'mesh.yaml'), mesh);
    const paths = [join(folder, 'mesh.yaml')];
    assert.deepEqual(await plan(paths, { against: paths }), {
      code: 0,
      text: 'No object changes.\n\nNothing changes for any of 2 workloads.\n',
    });
  });

  it('what deletion takes away', async () => {
    writeFileSync(join(folder, 'mesh.yaml'), mesh);
    writeFileSync(join(folder, 'old.yaml'), rule(`[${to(', timeout: 1s')}]`));
    const [base, gone] = [join(folder, 'mesh.yaml'), join(folder, 'old.yaml')];
    const { text } = await plan([gone], { against: [base, gone], delete: true });
    assert.match(text, /- VirtualService\/default\/web deleted/);
    assert.match(text, /any path: timeout 1 s → none/);
  });

  it('what changed since a git revision', async () => {
    const repository = join(folder, 'repository');
    const git = (...args: string[]) =>
      execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@b', ...args], { stdio: 'pipe' });
    git('init', '-q', repository);
    writeFileSync(join(repository, 'mesh.yaml'), mesh + rule(`[${to(', timeout: 1s')}]`));
    git('-C', repository, 'add', '.');
    git('-C', repository, 'commit', '-q', '-m', 'first');
    writeFileSync(join(repository, 'mesh.yaml'), mesh + rule(`[${to(', timeout: 3s')}]`));
    const { text, code } = await plan([repository], { rev: 'HEAD' });
    assert.equal(code, 3);
    assert.match(text, /any path: timeout 1 s → 3 s/);
    await assert.rejects(plan([repository], { rev: 'nowhere' }), /Needed a single revision|git rev-parse failed/);
  });
});
