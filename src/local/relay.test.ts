// Frames keep an orderly end apart from a broken connection, however the bytes are cut.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import fc from 'fast-check';
import { framed, Unframed } from './relay-frames.ts';

async function wire(chunks: readonly Uint8Array[]): Promise<Buffer> {
  const out = framed();
  for (const chunk of chunks) out.write(chunk);
  out.end();
  return buffer(out);
}

test('what goes in comes out, cut anywhere', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 40 })), fc.integer({ min: 1, max: 9 }), async (chunks, cut) => {
      const bytes = await wire(chunks);
      const back = new Unframed();
      for (let at = 0; at < bytes.length; at += cut) back.write(bytes.subarray(at, at + cut));
      back.end();
      assert.deepEqual(await buffer(back), Buffer.concat(chunks));
    }),
    { numRuns: 50 },
  );
});

test('an end without the last frame is an error, and so is a frame that nobody sends', async () => {
  for (const bytes of [(await wire([Buffer.from('hello')])).subarray(0, -4), Buffer.from('ffffffff', 'hex')]) {
    const back = new Unframed();
    const failed = once(back, 'error');
    back.on('data', () => {});
    back.end(bytes);
    const [error] = (await failed) as [Error];
    assert.match(error.message, /broke|too large/);
  }
});
