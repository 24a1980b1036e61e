import { test } from 'node:test';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { FrameReader, framePrefix } from './frame.ts';
import { decodeMessage, encodeMessage } from './status.ts';

test('messages survive any cutting of the bytes', () => {
  const messages = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 8 });
  fc.assert(
    fc.property(messages, fc.array(fc.nat(30), { maxLength: 60 }), (sent, cuts) => {
      const wire = Buffer.concat(sent.flatMap((message) => [framePrefix(message.length), message]));
      const got: Buffer[] = [];
      const reader = new FrameReader(100, (message) => got.push(Buffer.from(message)));
      let at = 0;
      for (const cut of [...cuts, wire.length]) {
        assert.equal(reader.push(wire.subarray(at, at + cut)), undefined);
        at = Math.min(wire.length, at + cut);
      }
      assert.deepEqual(
        got,
        sent.map((message) => Buffer.from(message)),
      );
      assert.equal(reader.clean, true);
    }),
  );
});

test('any bytes at all are either messages or one refusal', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 30 }), { maxLength: 20 }), (chunks) => {
      let refusals = 0;
      const reader = new FrameReader(64, (message) => assert.ok(message.length <= 64));
      for (const chunk of chunks) if (reader.push(Buffer.from(chunk))) refusals += 1;
      assert.ok(refusals <= 1);
    }),
  );
});

test('what is too long, compressed or not gRPC is refused by name', () => {
  const refusal = (bytes: number[]) => new FrameReader(10, () => {}).push(Buffer.from(bytes));
  assert.equal(refusal([0, 0, 0, 0, 11])?.code, 8);
  assert.equal(refusal([1, 0, 0, 0, 1, 0])?.code, 12);
  assert.equal(refusal([0x47, 0x45, 0x54, 0x20, 0x2f])?.code, 13);
});

test('status messages keep their text', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'grapheme', maxLength: 60 }),
      (text) => decodeMessage(encodeMessage(text)) === text.toWellFormed(),
    ),
  );
  assert.equal(encodeMessage('50% done\n'), '50%25 done%0A');
  assert.equal(decodeMessage('%zz'), '%zz');
});
