// Recorded requests asked again of manifests before and after a change: what would be answered differently, what hangs on what no record
// holds, and what cannot be asked.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { stringify } from 'yaml';
import { record } from '../../../../test/support/records.ts';
import { recordedTerminal } from '../../../../test/support/terminal.ts';
import type { Replay } from '../../../explain/replay/replay.ts';
import type { AccessRecord } from '../../../telemetry/record.ts';
import { rowOf, type RequestRow } from '../../../telemetry/request-row.ts';
import { planFiles } from '../run.ts';

const workload = (name: string, version = 'v1'): string => `---
apiVersion: apps/v1
kind: Deployment
metadata: {name: ${name}-${version}, namespace: default}
spec:
  selector: {matchLabels: {app: ${name}, version: ${version}}}
  template:
    metadata: {labels: {app: ${name}, version: ${version}}}
    spec: {containers: [{name: app, image: a}]}
`;
const service = (name: string, ports = '{name: http, port: 80}, {name: tcp, port: 9000}'): string => `---
apiVersion: v1
kind: Service
metadata: {name: ${name}, namespace: default}
spec: {selector: {app: ${name}}, ports: [${ports}]}
`;
const rule = (http: string): string => `---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web, namespace: default}
spec: {hosts: [web], http: ${http}}
`;
const subsets = (v2 = 'v2'): string => `---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: web, namespace: default}
spec: {host: web, subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: ${v2}}}]}
`;
const policy = (spec: string): string => `---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: guard, namespace: default}
spec: ${spec}
`;
const mesh = [workload('caller'), workload('web'), workload('web', 'v2'), service('web'), subsets()].join('');

let ids = 0;
type Said = Parameters<typeof record>[2];
const seen = (caller: AccessRecord | undefined, destination?: AccessRecord): RequestRow => {
  const leading = caller ?? destination;
  return rowOf({
    id: leading?.id ?? '',
    kind: leading?.kind === 'request' ? 'request' : 'connection',
    time: leading?.time ?? 0,
    caller,
    destination,
    attempts: [],
  });
};
const outbound = (more: Said = {}, workloadName = 'caller-v1'): AccessRecord =>
  record('outbound', workloadName, {
    id: `00000000-0000-4000-8000-${String(ids++).padStart(12, '0')}`,
    method: 'GET',
    authority: 'web',
    path: '/',
    protocol: 'HTTP/1.1',
    local: '10.96.0.7:80',
    ...more,
  });
const requested = (more: Said = {}, workloadName?: string): RequestRow => seen(outbound(more, workloadName));

const toWeb = (more = ''): string => `{route: [{destination: {host: web}}]${more}}`;

interface Case {
  readonly says: string;
  readonly was?: string;
  readonly is: string;
  readonly rows?: readonly RequestRow[];
  readonly expect: Partial<Record<'different' | 'same' | 'sameByAnotherRule' | 'undecided', number>>;
  readonly lines: readonly string[];
}

const cases: readonly Case[] = [
  {
    says: 'another share, and by which line',
    was: rule('[{route: [{destination: {host: web, subset: v1}}]}]'),
    is: rule(
      '[{route: [{destination: {host: web, subset: v1}, weight: 90}, {destination: {host: web, subset: v2}, weight: 10}]}]',
    ),
    expect: { different: 1 },
    lines: [
      '  - to web.default:80 v1  VirtualService/default/web spec.http[0] old.yaml:5',
      '  + to web.default:80 v1 90 %, web.default:80 v2 10 %  VirtualService/default/web spec.http[0] new.yaml:5',
      '      1 sent to another subset',
    ],
  },
  {
    says: 'other shares of the same, compared as shares and not by one draw of them',
    was: rule(
      '[{route: [{destination: {host: web, subset: v1}, weight: 50}, {destination: {host: web, subset: v2}, weight: 50}]}]',
    ),
    is: rule(
      '[{route: [{destination: {host: web, subset: v1}, weight: 49}, {destination: {host: web, subset: v2}, weight: 51}]}]',
    ),
    expect: { different: 1 },
    lines: ['      1 sent in other shares'],
  },
  {
    says: 'time and retries, each where it is another',
    was: rule(`[${toWeb(', timeout: 10s')}]`),
    is: rule(`[${toWeb(', timeout: 2s, retries: {attempts: 5, retryOn: 5xx}')}]`),
    expect: { different: 1 },
    lines: [
      '  - timeout 10 s  VirtualService/default/web spec.http[0] old.yaml:5',
      '  + timeout 2 s  VirtualService/default/web spec.http[0] new.yaml:5',
      '  + 5 retries on 5xx  VirtualService/default/web spec.http[0] new.yaml:5',
    ],
  },
  {
    says: 'a rewritten request, a copy and a fault for half of them',
    was: rule(`[${toWeb()}]`),
    is: rule(
      `[${toWeb(', rewrite: {uri: /new}, mirror: {host: web, subset: v2}, fault: {abort: {httpStatus: 503, percentage: {value: 50}}}')}]`,
    ),
    expect: { different: 1 },
    lines: [
      '  + request: path / becomes /new  VirtualService/default/web spec.http[0] new.yaml:5',
      '  + a copy to web.default:80 v2  VirtualService/default/web spec.http[0] new.yaml:5',
      '  - no fault',
      '  + a fault answers 50 % of requests with 503  VirtualService/default/web spec.http[0] new.yaml:5',
    ],
  },
  {
    says: 'a redirect with where it leads, and an answer with what it says',
    was: rule(`[${toWeb()}]`),
    is: rule(
      '[{match: [{uri: {prefix: /moved}}], redirect: {uri: /here}}, {directResponse: {status: 410, body: {string: gone}}}]',
    ),
    rows: [requested({ path: '/moved/a' }), requested()],
    expect: { different: 2 },
    lines: ['  + answered 301 to http://web/here', '  + answered 410 "gone"'],
  },
  {
    says: 'a refusal, with the policy that makes it',
    is: policy('{selector: {matchLabels: {app: web}}, action: DENY, rules: [{to: [{operation: {paths: ["/admin*"]}}]}]}'),
    rows: [requested({ path: '/admin/1' }), requested({ path: '/' })],
    expect: { different: 1, same: 1 },
    lines: ['  - arrives', '  + answered 403  AuthorizationPolicy/default/guard spec.rules[0] new.yaml:5'],
  },
  {
    says: 'what others serve, though it is the same subset',
    was: rule('[{route: [{destination: {host: web, subset: v2}}]}]'),
    is: rule('[{route: [{destination: {host: web, subset: v2}}]}]') + subsets('v1'),
    expect: { different: 1 },
    lines: ['      1 served by others', '  - served by web-v2.default', '  + served by web-v1.default'],
  },
  {
    says: 'the same answer by another rule, which is no difference',
    was: rule(`[${toWeb()}]`),
    is: rule(`[{match: [{uri: {prefix: /a}}], route: [{destination: {host: web}}]}, ${toWeb()}]`),
    rows: [requested({ path: '/a' }), requested({ path: '/b' })],
    expect: { sameByAnotherRule: 1, same: 1, different: 0 },
    lines: ['  1 answered the same, by another rule'],
  },
  {
    says: 'undecided where it hangs on a header that no record holds',
    is: rule(`[{match: [{headers: {x-user: {exact: jason}}}], route: [{destination: {host: web, subset: v2}}]}, ${toWeb()}]`),
    expect: { undecided: 1 },
    lines: ['  1 request: it hangs on header x-user "jason"'],
  },
  {
    says: 'decided where the rule that took it tells of its header',
    was: rule(`[{match: [{headers: {x-user: {exact: jason}}}], route: [{destination: {host: web, subset: v2}}]}, ${toWeb()}]`),
    is: rule(`[{match: [{headers: {x-user: {exact: jason}}}], route: [{destination: {host: web, subset: v1}}]}, ${toWeb()}]`),
    rows: [
      requested({
        cluster: 'outbound|80|v2|web.default.svc.cluster.local',
        routeOrigin: 'VirtualService/default/web#spec.http[0].match[0]',
      }),
      requested({
        cluster: 'outbound|80||web.default.svc.cluster.local',
        routeOrigin: 'VirtualService/default/web#spec.http[1]',
      }),
    ],
    expect: { different: 1, same: 1, undecided: 0 },
    lines: ['  - to web.default:80 v2  VirtualService/default/web spec.http[0].match[0] old.yaml:5'],
  },
  {
    says: 'the same where it hangs on a header on both sides alike',
    was: rule(`[{match: [{headers: {x-user: {regex: "j.*"}}}], route: [{destination: {host: web, subset: v2}}]}, ${toWeb()}]`),
    is:
      rule(`[{match: [{headers: {x-user: {regex: "j.*"}}}], route: [{destination: {host: web, subset: v2}}]}, ${toWeb()}]`) +
      service('late'),
    expect: { same: 1 },
    lines: ['  0 answered differently'],
  },
  {
    says: 'undecided where it hangs on the query, which no record holds',
    is: rule(`[{match: [{queryParams: {beta: {exact: "1"}}}], route: [{destination: {host: web, subset: v2}}]}, ${toWeb()}]`),
    expect: { undecided: 1 },
    lines: ['  1 request: it hangs on query parameter beta "1"'],
  },
  {
    says: 'undecided where it hangs on who stands before the proxies',
    is: policy(
      '{selector: {matchLabels: {app: web}}, action: DENY, rules: [{from: [{source: {remoteIpBlocks: [10.9.0.0/16]}}]}]}',
    ),
    expect: { undecided: 1 },
    lines: ['  1 request: it hangs on caller’s address in 10.9.0.0/16'],
  },
  {
    says: 'what a destination was asked by a caller of whom nobody tells',
    is: policy('{selector: {matchLabels: {app: web}}, action: DENY, rules: [{from: [{source: {notNamespaces: [default]}}]}]}'),
    rows: [
      seen(undefined, record('inbound', 'web-v1', inboundOf('spiffe://cluster.local/ns/other/sa/a'))),
      seen(undefined, record('inbound', 'web-v1', inboundOf('spiffe://cluster.local/ns/default/sa/a'))),
    ],
    expect: { different: 1, same: 1 },
    lines: ['  + answered 403  AuthorizationPolicy/default/guard spec.rules[0] new.yaml:5'],
  },
  {
    says: 'a connection without HTTP',
    is: policy('{selector: {matchLabels: {app: web}}, action: DENY, rules: [{to: [{operation: {ports: ["9000"]}}]}]}'),
    rows: [
      requested({
        type: 'TcpConnectionEnd',
        method: '-',
        authority: '-',
        path: '-',
        protocol: '-',
        local: '10.96.0.7:9000',
        cluster: 'outbound|9000||web.default.svc.cluster.local',
      }),
    ],
    expect: { different: 1 },
    lines: ['  - arrives', '  + connection closed  AuthorizationPolicy/default/guard spec.rules[0] new.yaml:5'],
  },
  {
    says: 'what cannot be asked again, and why',
    is: rule(`[${toWeb(', timeout: 1s')}]`),
    rows: [
      requested({}, 'nobody-v1'),
      requested({ authority: 'elsewhere.default.svc.cluster.local' }),
      requested({ type: 'NotSet', protocol: '-' }),
    ],
    expect: { different: 0, same: 0 },
    lines: [
      '  1 request: nobody-v1.default is not there, or has no proxy',
      '  1 request: nobody has the name elsewhere.default.svc.cluster.local',
      '  1 request: a connection that was refused before it said what it carries',
    ],
  },
  {
    says: 'the same of a host that nobody declared, which has a cluster of its own on demand',
    is: rule(`[${toWeb(', timeout: 1s')}]`),
    rows: [requested({ authority: 'shop.example', local: '203.0.113.9:80', cluster: 'outbound|80||shop.example' })],
    expect: { same: 1, different: 0 },
    lines: ['  1 answered the same'],
  },
  {
    says: 'records of another mesh than this one, and compares them all the same',
    was: rule('[{route: [{destination: {host: web, subset: v1}}]}]'),
    is: rule('[{route: [{destination: {host: web, subset: v2}}]}]'),
    rows: [requested({ cluster: 'outbound|80||web.default.svc.cluster.local' })],
    expect: { different: 1 },
    lines: ['1 request got another answer than this mesh gives before the change: it was another mesh then.'],
  },
];

function inboundOf(callerIdentity: string): Said {
  return {
    id: '00000000-0000-4000-8000-00000000abcd',
    method: 'GET',
    authority: 'web',
    path: '/',
    protocol: 'HTTP/1.1',
    local: '10.244.0.9:80',
    remote: '10.244.7.7:4444',
    serverName: 'outbound_.80_._.web.default.svc.cluster.local',
    callerIdentity,
    code: 200,
  };
}

describe('a replay says', () => {
  let folder = '';
  before(() => (folder = mkdtempSync(join(tmpdir(), 'lateen-replay-'))));
  after(() => rmSync(folder, { recursive: true }));

  const path = (name: string): string => join(folder, name);

  async function run(more: object): Promise<{ readonly code: number; readonly text: string }> {
    const { terminal, both } = recordedTerminal();
    const options = { output: 'text', against: [path('mesh.yaml'), path('old.yaml')], replay: path('rows.json'), ...more };
    const code = await planFiles([path('mesh.yaml'), path('new.yaml')], options, terminal);
    return { code, text: both().replaceAll(`${folder}/`, '') };
  }

  function given({ was = '', is, rows = [requested()] }: Pick<Case, 'was' | 'is' | 'rows'>): void {
    // What the change names again stands there, and not in what both sides have.
    const both = mesh
      .split('---\n')
      .filter((part) => !is.includes(part.slice(0, part.indexOf('spec:'))) || part === '')
      .join('---\n');
    const missing = mesh.split('---\n').filter((part) => !both.includes(part));
    writeFileSync(path('mesh.yaml'), both);
    writeFileSync(path('old.yaml'), [was, ...missing.filter((part) => !was.includes(part))].join('---\n'));
    writeFileSync(path('new.yaml'), is);
    writeFileSync(path('rows.json'), JSON.stringify(rows));
  }
  const replayOf = async (more: object = {}): Promise<Replay> =>
    (JSON.parse((await run({ output: 'json', ...more })).text) as { replay: Replay }).replay;

  for (const each of cases) {
    it(each.says, async () => {
      given(each);
      const { text } = await run({});
      const replay = await replayOf();
      for (const [count, wanted] of Object.entries(each.expect))
        assert.equal(replay[count as 'different'], wanted, `${count} in\n${text}`);
      const printed = text.split('\n');
      for (const line of each.lines)
        assert.ok(
          printed.some((one) => one.startsWith(line)),
          `no line\n${line}\nin\n${text}`,
        );
      assert.equal(
        replay.answeredOtherwise !== undefined,
        each.lines.some((line) => line.includes('another mesh')),
        text,
      );
      const { recorded, different, same, sameByAnotherRule, undecided, replayed } = replay;
      assert.equal(different + same + sameByAnotherRule + undecided, replayed);
      assert.equal(
        recorded - replayed,
        replay.notReplayed.reduce((sum, { requests }) => sum + requests, 0),
      );
    });
  }

  const change: Pick<Case, 'was' | 'is'> = { was: rule(`[${toWeb()}]`), is: rule(`[${toWeb(', timeout: 1s')}]`) };

  it('equal requests once, with how many, and as many examples as are asked for', async () => {
    given({
      ...change,
      rows: [...Array.from({ length: 5 }, () => requested()), requested({ path: '/b' }), requested({ path: '/c' })],
    });
    const { differences, different } = await replayOf();
    assert.equal(different, 7);
    assert.deepEqual(
      differences.map(({ requests, examples }) => [requests, examples.map(({ request, count }) => [request, count])]),
      [
        [
          7,
          [
            ['GET http://web/', 5],
            ['GET http://web/b', 1],
            ['GET http://web/c', 1],
          ],
        ],
      ],
    );
    assert.equal((await replayOf({ examples: '1' })).differences[0]?.examples.length, 1);
    const { text } = await run({ examples: '2' });
    assert.match(text, /GET http:\/\/web\/ {2}00000000 {2}5 times\n.*GET http:\/\/web\/b {2}00000000\n$/);
  });

  it('the same whatever order the records have, and from YAML and lines of JSON', async () => {
    const rows = cases.flatMap((each) => each.rows ?? []);
    given({ ...change, rows });
    const first = await replayOf();
    writeFileSync(path('rows.json'), JSON.stringify(rows.toReversed()));
    assert.deepEqual(await replayOf(), first);
    writeFileSync(path('rows.json'), stringify(rows));
    assert.deepEqual(await replayOf(), first);
    writeFileSync(path('rows.json'), rows.map((each) => JSON.stringify(each)).join('\n'));
    assert.deepEqual(await replayOf(), first);
  });

  it('only what was asked lately', async () => {
    given({ ...change, rows: [requested({}), { ...requested({ path: '/now' }), time: new Date().toISOString() }] });
    assert.equal((await replayOf({ since: '1h' })).recorded, 1);
    await assert.rejects(run({ since: 'long' }), /--since long is no duration/);
  });

  it('what is no file of records', async () => {
    given(change);
    for (const text of ['', 'a: b', '[1, 2]', '{', '[{"id": "a", "time": "never"}]']) {
      writeFileSync(path('rows.json'), text);
      await assert.rejects(run({}), /there are no recorded requests in/);
    }
  });

  it('what is not sent any more, because nobody has its name', async () => {
    const host = 'late.default.svc.cluster.local';
    given({ was: '', is: service('late'), rows: [requested({ authority: host })] });
    writeFileSync(path('old.yaml'), service('late'));
    const { terminal, both } = recordedTerminal();
    const against = [path('mesh.yaml'), path('old.yaml')];
    await planFiles([path('new.yaml')], { output: 'text', against, delete: true, replay: path('rows.json') }, terminal);
    assert.match(both(), /1 answered differently/);
    assert.ok(both().includes(`  + not sent: nobody has the name ${host}\n`), both());
  });

  it('with the exit code of the plan', async () => {
    given(change);
    assert.equal((await run({ exitCode: true })).code, 3);
    given({ was: '', is: '' });
    assert.equal((await run({ exitCode: true })).code, 0);
  });
});
