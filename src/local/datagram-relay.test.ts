// Datagrams through both halves: each client's stay apart, and come out as they went in, however the stream between is cut.

import assert from 'node:assert/strict';
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import { DatagramsOut, unframed } from './datagram-relay.ts';

test('what goes in comes out, cut anywhere', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 40 })), fc.integer({ min: 1, max: 9 }), (datagrams, cut) => {
      const bytes = Buffer.concat(datagrams.flatMap((each) => [Buffer.from([0, each.length]), each]));
      const back: Buffer[] = [];
      const take = unframed((datagram) => void back.push(Buffer.from(datagram)));
      for (let at = 0; at < bytes.length; at += cut) take(bytes.subarray(at, at + cut));
      assert.deepEqual(
        back,
        datagrams.map((each) => Buffer.from(each)),
      );
    }),
    { numRuns: 50 },
  );
});

async function bound(): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return socket;
}

const heard = async (socket: Socket): Promise<string> => {
  const [datagram] = (await once(socket, 'message')) as [Buffer, RemoteInfo];
  return datagram.toString();
};

test('each client has a tunnel of its own, which names the port first and brings its answers back', async (context) => {
  const folder = mkdtempSync('/tmp/lt-');
  context.after(() => rmSync(folder, { recursive: true }));
  // In the place of the inner half: says which client it hears, and how often.
  let tunnels = 0;
  const named: string[] = [];
  const inner = createServer((tunnel) => {
    const number = ++tunnels;
    let rest: ((chunk: Buffer) => void) | undefined;
    tunnel.on('data', (chunk: Buffer) => {
      if (rest !== undefined) return rest(chunk);
      const end = chunk.indexOf(0x0a);
      named.push(chunk.subarray(0, end).toString());
      rest = unframed((datagram) => {
        const answer = Buffer.from(`${datagram.toString()} by ${number}`);
        tunnel.write(Buffer.concat([Buffer.from([0, answer.length]), answer]));
      });
      rest(chunk.subarray(end + 1));
    });
  }).listen(`${folder}/relay.sock`);
  await once(inner, 'listening');
  const host = await bound();
  const { port } = host.address();
  const outer = new DatagramsOut(host, `${folder}/relay.sock`, 'edge/gateway:443/udp');
  const [one, two] = [await bound(), await bound()];
  context.after(() => {
    one.close();
    two.close();
    inner.close();
  });
  const asks = async (client: Socket, text: string): Promise<string> => {
    const answer = heard(client);
    client.send(text, port, '127.0.0.1');
    return answer;
  };
  assert.equal(await asks(one, 'first'), 'first by 1');
  assert.equal(await asks(two, 'second'), 'second by 2');
  assert.equal(await asks(one, 'third'), 'third by 1');
  assert.deepEqual(named, ['edge/gateway:443/udp', 'edge/gateway:443/udp']);
  outer[Symbol.dispose]();
  // Nobody holds the port any more: another may have it.
  const next = createSocket('udp4').bind(port, '127.0.0.1');
  await once(next, 'listening');
  next.close();
});
