import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { recordBatch, recordLine, writer } from '../../test/support/records.ts';
import { connectGrpc } from '../lib/grpc/client.ts';
import { serveGrpc } from '../lib/grpc/server.ts';
import { RecordBook } from './record-book.ts';

const method = '/opentelemetry.proto.collector.logs.v1.LogsService/Export';
const batch = (id: string): Buffer => recordBatch([[recordLine('outbound', { type: 'DownstreamEnd', id, code: 200 }), 1000]]);
const ids = (book: RecordBook): string[] => [...book.recent()].map(({ id }) => id);

test('records come over the socket of the workload that wrote them', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'lt-'));
  const book = new RecordBook(10);
  const opened = book.open(writer('a'));
  const followed: string[] = [];
  try {
    await using server = await serveGrpc({ handlers: opened.handlers, listen: { path: join(folder, 's') } });
    await using client = await connectGrpc(server.address);
    const send = async (message: Uint8Array) =>
      new Promise<number>((resolve) => {
        const call = client.stream(method, {}, { message: () => {}, close: ({ code }) => resolve(code) });
        call.send([message]);
        call.end();
      });
    {
      using following = book.follow((records) =>
        followed.push(...records.map(({ id, writer: { workload } }) => `${workload} ${id}`)),
      );
      assert.ok(following);
      assert.equal(await send(batch('one')), 0);
    }
    assert.equal(await send(batch('two')), 0);
    assert.equal(await send(Buffer.from([0xff, 0xff])), 3);
  } finally {
    rmSync(folder, { recursive: true });
  }
  assert.deepEqual(followed, ['a one']);
  assert.deepEqual(ids(book), ['one', 'two']);
});

test('what workloads that ended wrote stays for a while, of the last of them', () => {
  const book = new RecordBook(10);
  for (let count = 0; count < 20; count++) {
    using opened = book.open(writer(`w${count}`));
    const handler = opened.handlers[method];
    const call = { send: () => true, end: () => {} } as unknown as Parameters<NonNullable<typeof handler>>[0];
    const receiver = handler?.(call);
    receiver?.message(batch(`${count}`));
    receiver?.end?.();
  }
  const last = Array.from({ length: 16 }, (_, index) => `${index + 4}`);
  assert.deepEqual(ids(book), last);
});
