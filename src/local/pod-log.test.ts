import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { logFiles } from './log-file.ts';
import { podLog } from './pod-log.ts';
import { newObject } from './objects.ts';

type LoggedPod = Parameters<typeof podLog>[0];
type State = NonNullable<ReturnType<LoggedPod['status']>['containerStatuses']>[number]['state'];

const running: State = { running: { startedAt: '2030-01-01T00:00:00Z' } };

function podWith(
  context: TestContext,
  files: Readonly<Record<string, string>>,
  state: State,
  names = ['web', 'side'],
): LoggedPod {
  const folder = mkdtempSync(join(tmpdir(), 'lateen-pod-log-'));
  context.after(() => rmSync(folder, { recursive: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const containers = names.map((name) => ({ name })) as unknown as LoggedPod['containers'];
  return {
    containers,
    mainContainer: names[0] ?? '',
    object: newObject({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'shop', namespace: 'default' } }),
    role: names.length === 0 ? 'router' : 'sidecar',
    logsOf: (container) => logFiles(folder, container),
    status: () => ({
      containerStatuses: names.map((name) => ({ name, image: '', ready: true, started: true, restartCount: 1, state })),
    }),
  };
}

async function read(pod: LoggedPod, container?: string, previous?: boolean): Promise<string> {
  let text = '';
  for await (const line of podLog(pod, { container, previous })) text += line;
  return text;
}

test('a container’s present run, and the one before', async (context) => {
  const pod = podWith(context, { 'web.log': 'now\n', 'web.previous.log': 'before\n', 'side.log': 'side\n' }, running);
  assert.equal(await read(pod), 'now\n');
  assert.equal(await read(pod, 'web', true), 'before\n');
  assert.equal(await read(pod, 'side'), 'side\n');
  await assert.rejects(read(pod, 'side', true), /container side of pod shop has no earlier run/);
  await assert.rejects(read(pod, 'nobody'), { help: 'choose one of web, side, istio-proxy' });
});

test('while a container waits to be started again, the run that ended is the last one', async (context) => {
  const pod = podWith(
    context,
    { 'web.log': 'last words\n', 'web.previous.log': 'long ago\n' },
    { waiting: { reason: 'CrashLoopBackOff' } },
  );
  assert.equal(await read(pod, 'web', true), 'last words\n');
});

test('the Envoy’s log, of a pod with containers and of a gateway', async (context) => {
  const files = { 'istio-proxy.log.1': 'older\n', 'istio-proxy.log': 'newer\n' };
  assert.equal(await read(podWith(context, files, running), 'istio-proxy'), 'older\nnewer\n');
  assert.equal(await read(podWith(context, files, running, [])), 'older\nnewer\n');
  await assert.rejects(read(podWith(context, files, running), 'istio-proxy', true), /goes on over its restarts/);
});
