// Access records from the real Envoy to an agent: all operators are known to it, what failed is recorded whatever share of the rest is,
// and an agent that stalls costs it neither a request nor memory, only records.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { test } from 'node:test';
import { shareKey, wholeShare } from '../../src/compile/listener/access-record.ts';
import type { GrpcHandler } from '../../src/lib/grpc/call.ts';
import { RecordBook } from '../../src/telemetry/record-book.ts';
import { originMetadata, requestLogs, startRecordingEnvoy, typed, type RecordingEnvoy } from '../support/recording-envoy.ts';
import { writer } from '../support/records.ts';
import { until } from '../support/until.ts';

/** Answers itself, on a Unix socket, and records it. */
const listener = (path: RecordingEnvoy['path']) => ({
  name: 'outbound',
  address: { pipe: { path: path('in.sock') } },
  filterChains: [
    {
      name: 'chain',
      metadata: originMetadata('Service/default/web'),
      filters: [
        {
          name: 'envoy.filters.network.http_connection_manager',
          typedConfig: typed('filters.network.http_connection_manager.v3.HttpConnectionManager', {
            statPrefix: 'in',
            accessLog: requestLogs,
            routeConfig: {
              virtualHosts: [
                {
                  name: 'web',
                  domains: ['*'],
                  metadata: originMetadata('Service/default/web'),
                  routes: [
                    { name: 'fails', match: { prefix: '/fail' }, directResponse: { status: 503 } },
                    {
                      name: 'all',
                      match: { prefix: '/' },
                      metadata: originMetadata('VirtualService/default/web#spec.http[0]'),
                      directResponse: { status: 200 },
                    },
                  ],
                },
              ],
            },
            httpFilters: [{ name: 'envoy.filters.http.router', typedConfig: typed('filters.http.router.v3.Router', {}) }],
          }),
        },
      ],
    },
  ],
});

/** Who asks one Envoy, over kept connections. */
function asker({ path }: RecordingEnvoy) {
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  const ask = (url: string, more: Readonly<Record<string, string>> = {}): Promise<number> =>
    new Promise((resolve, reject) => {
      const headers = { host: 'web', authorization: 'Bearer open-sesame', ...more };
      const sent = request({ socketPath: path('in.sock'), path: url, agent, headers }, (answer) => {
        answer.resume().on('end', () => resolve(answer.statusCode ?? 0));
      });
      sent.on('error', reject).end();
    });
  const askMany = async (count: number, url: string): Promise<void> => {
    let left = count;
    await Promise.all(
      Array.from({ length: 8 }, async () => {
        while (left-- > 0) assert.equal(await ask(url), 200);
      }),
    );
  };
  return { ask, askMany, [Symbol.dispose]: () => agent.destroy() };
}

test('records arrive; an agent that stalls costs records, and neither requests nor memory', { timeout: 120_000 }, async () => {
  const book = new RecordBook(100_000);
  const opened = book.open(writer('web'));
  const [method = '', handler] = Object.entries(opened.handlers)[0] ?? [];
  let stalled = false;
  let held = 0;
  const stalling: GrpcHandler = (call) => {
    if (!stalled) return handler?.(call) ?? assert.fail('no handler');
    held++;
    return { message: () => {} };
  };
  await using envoy = await startRecordingEnvoy({
    handlers: { [method]: stalling },
    listeners: (path) => [listener(path)],
  });
  using client = asker(envoy);
  const { askMany } = client;
  const memory = (): number => Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${envoy.pid}/status`, 'utf8'))?.[1]) / 1024;

  await askMany(500, '/first?token=open-sesame');
  const first = await until(
    () => {
      const records = [...book.recent()];
      return records.length === 500 && records;
    },
    () => 'all records',
  );
  const [record] = first;
  assert.partialDeepStrictEqual(record, {
    kind: 'request',
    side: 'outbound',
    method: 'GET',
    authority: 'web',
    path: '/first',
    protocol: 'HTTP/1.1',
    code: 200,
    details: 'direct_response',
    listener: 'outbound',
    chain: 'chain',
    chainOrigin: 'Service/default/web',
    virtualHost: 'web',
    virtualHostOrigin: 'Service/default/web',
    route: 'all',
    routeOrigin: 'VirtualService/default/web#spec.http[0]',
    attempts: 0,
    sent: 0,
  });
  assert.match(record?.id ?? '', /^[0-9a-f-]{36}$/);
  assert.ok(Math.abs((record?.time ?? 0) - Date.now()) < 60_000);
  assert.doesNotMatch(JSON.stringify(first), /open-sesame/);

  stalled = true;
  await askMany(3_000, '/lost');
  const before = memory();
  await askMany(20_000, '/lost');
  assert.ok(held <= 16 * 4, `${held} calls wait at the agent`);
  assert.ok(memory() - before < 10, `from ${before} MB to ${memory()} MB`);

  stalled = false;
  await until(
    async () => {
      await askMany(10, '/again');
      return [...book.recent()].some((each) => each.path === '/again');
    },
    () => 'records to arrive again',
  );
});

test('all that failed is recorded, and the chosen share of the rest', { timeout: 120_000 }, async () => {
  const book = new RecordBook(100_000);
  using opened = book.open(writer('web'));
  await using envoy = await startRecordingEnvoy({ handlers: opened.handlers, listeners: (path) => [listener(path)] });
  using client = asker(envoy);
  const { ask } = client;
  const setShare = async (share: number) => {
    const { status } = await envoy.admin('POST', `/runtime_modify?${shareKey}=${share}`);
    assert.equal(status, 200);
  };
  const paths = () => [...book.recent()].map((record) => record.path);
  const arrived = (count: number) =>
    until(
      () => paths().length >= count,
      () => `${count} records; there are ${paths().length}`,
    );

  await setShare(0);
  for (let count = 0; count < 50; count++) await ask('/fine');
  for (let count = 0; count < 50; count++) assert.equal(await ask('/fail'), 503);
  // Its status is 200, and what it says of gRPC is no success.
  assert.equal(await ask('/rpc', { 'content-type': 'application/grpc' }), 200);
  await arrived(51);
  assert.deepEqual([...book.recent()].map(({ grpcStatus }) => grpcStatus).at(-1), '2');
  assert.deepEqual(
    paths().filter((each) => each === '/fine'),
    [],
  );

  // Which ones are chosen is of their ids: a smaller share is of a larger one.
  const ids = Array.from({ length: 100 }, () => randomUUID());
  const chosenOf = async (share: number): Promise<ReadonlySet<string>> => {
    const before = paths().length;
    await setShare(share);
    const where = `/of${share}`;
    for (const id of ids) await ask(where, { 'x-request-id': id });
    await ask('/fail');
    const expected = ids.filter((id) => Number.parseInt(id.slice(0, 8), 16) % wholeShare < share).length;
    await arrived(before + expected + 1);
    return new Set([...book.recent()].filter((record) => record.path === where).map(({ id }) => id));
  };
  const [some, more, all] = [await chosenOf(2000), await chosenOf(6000), await chosenOf(wholeShare)];
  assert.ok([...some].every((id) => more.has(id)));
  assert.ok(some.size < more.size && more.size < all.size);
  assert.equal(all.size, ids.length);
});
