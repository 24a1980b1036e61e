import { test } from 'node:test';
import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as grpc from '@grpc/grpc-js';
import { connectGrpc, type GrpcClient } from './client.ts';
import { serveGrpc, type GrpcServer } from './server.ts';
import { grpcStatus, GrpcError } from './status.ts';
import { unary } from './unary.ts';
import type { GrpcHandler } from './call.ts';
import { writeLeaf, writeRoot } from '../../ca/x509.ts';

const echo: GrpcHandler = (call) => ({
  message: (message) => void call.send([Buffer.from('<'), message, Buffer.from('>')]),
  end: () => call.end(),
});
const handlers = {
  '/t.T/Echo': echo,
  '/t.T/Twice': unary((request) => Buffer.concat([request, request])),
  '/t.T/Deny': unary(() => {
    throw new GrpcError(grpcStatus('unauthenticated', 'no, 100% déjà vu'));
  }),
  '/t.T/Break': ((call) => ({
    message: () => {
      throw new Error(`secret of ${call.path}`);
    },
  })) satisfies GrpcHandler,
  '/t.T/Who': unary((_request, { peer }) =>
    Buffer.from(
      JSON.stringify({ ...peer, certificates: peer.certificates.map(({ subjectAltName }) => subjectAltName ?? 'root') }),
    ),
  ),
};
const loopback = { host: '127.0.0.1', port: 0 };
const errors: unknown[] = [];
const serve = (more = {}) => serveGrpc({ handlers, listen: loopback, onError: (error) => errors.push(error), ...more });
const portOf = (server: GrpcServer) => ('port' in server.address ? server.address.port : 0);

/** Sends each message, ends, and gathers the answers and the status. */
const talk = (client: GrpcClient, path: string, messages: string[]) =>
  new Promise<{ got: string[]; code: number; text: string }>((resolve) => {
    const got: string[] = [];
    const call = client.stream(
      path,
      {},
      {
        message: (message) => got.push(message.toString()),
        close: (status) => resolve({ got, code: status.code, text: status.message }),
      },
    );
    for (const message of messages) call.send([Buffer.from(message)]);
    call.end();
  });

test('streams, unary calls and statuses over TCP', async () => {
  await using server = await serve();
  await using client = await connectGrpc(server.address);
  assert.deepEqual(await talk(client, '/t.T/Echo', ['a', '', 'bb']), { got: ['<a>', '<>', '<bb>'], code: 0, text: '' });
  assert.equal((await client.unary('/t.T/Twice', Buffer.from('ab'))).toString(), 'abab');
  await assert.rejects(client.unary('/t.T/Deny', Buffer.from('x')), (error: GrpcError) => {
    assert.deepEqual(error.status, grpcStatus('unauthenticated', 'no, 100% déjà vu'));
    return true;
  });
  assert.equal((await talk(client, '/t.T/None', ['a'])).code, 12);
  const broken = await talk(client, '/t.T/Break', ['a']);
  assert.equal(broken.code, 13);
  assert.doesNotMatch(broken.text, /secret/);
  assert.match(String(errors.at(-1)), /secret/);
});

test('Unix sockets', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'lateen-grpc-'));
  try {
    await using server = await serve({ listen: { path: join(folder, 's') } });
    await using client = await connectGrpc(server.address);
    const big = 'x'.repeat(300_000);
    assert.deepEqual((await talk(client, '/t.T/Echo', [big])).got, [`<${big}>`]);
    const peer = JSON.parse((await client.unary('/t.T/Who', Buffer.from('x'))).toString());
    assert.deepEqual(peer, { transport: 'unix', address: join(folder, 's'), certificates: [] });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

/** A root of its own and a leaf for `name` under it. */
async function issue(name: string) {
  const times = { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 3_600_000) };
  const pair = () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const rootKey = pair();
  const ca = await writeRoot(rootKey, { organization: name, ...times });
  const key = pair();
  const signer = { key: rootKey, certificate: new X509Certificate(ca) };
  const cert = await writeLeaf(signer, { publicKey: createPublicKey(key), dnsNames: [name], ...times });
  return { ca, key: key.export({ type: 'pkcs8', format: 'pem' }).toString(), cert: `${cert.trim()}\n${ca}` };
}

test('TLS, with and without a client certificate', async () => {
  const [own, other, caller] = await Promise.all([issue('server.test'), issue('other.test'), issue('caller')]);
  await using server = await serve({ tls: { ...own, askClient: true } });
  const who = async (more: object) => {
    await using client = await connectGrpc(server.address, { tls: { ca: own.ca, serverName: 'server.test', ...more } });
    const peer = JSON.parse((await client.unary('/t.T/Who', Buffer.from('x'))).toString());
    return [peer.transport, ...peer.certificates];
  };
  assert.deepEqual(await who({}), ['tls']);
  assert.deepEqual(await who({ key: caller.key, cert: caller.cert }), ['tls', 'DNS:caller', 'root']);
  await assert.rejects(connectGrpc(server.address, { tls: { ca: other.ca, serverName: 'server.test' } }), /cannot connect/);
  await assert.rejects(connectGrpc(server.address, { tls: { ca: own.ca, serverName: 'other.test' } }), /cannot connect/);
  server.renewTls(other);
  await using renewed = await connectGrpc(server.address, { tls: { ca: other.ca, serverName: 'other.test' } });
  assert.equal((await renewed.unary('/t.T/Twice', Buffer.from('1'))).toString(), '11');
});

test('grpc-js is served like our own client', async () => {
  await using server = await serve();
  const raw = (bytes: Buffer) => bytes;
  const client = new grpc.Client(`127.0.0.1:${portOf(server)}`, grpc.credentials.createInsecure());
  const call = client.makeBidiStreamRequest('/t.T/Echo', raw, raw);
  const got: string[] = [];
  const ended = new Promise<grpc.StatusObject>((resolve) => call.on('status', resolve));
  call.on('data', (bytes: Buffer) => got.push(bytes.toString()));
  call.write(Buffer.from('a'));
  call.write(Buffer.from('b'));
  call.end();
  assert.equal((await ended).code, 0);
  assert.deepEqual(got, ['<a>', '<b>']);
  const refused = await new Promise<grpc.ServiceError | null>((resolve) =>
    client.makeUnaryRequest('/t.T/Deny', raw, raw, Buffer.from('x'), (error) => resolve(error)),
  );
  assert.deepEqual([refused?.code, refused?.details], [16, 'no, 100% déjà vu']);
  client.close();
});

test('our client talks to a grpc-js server', async () => {
  const oracle = new grpc.Server();
  const raw = (bytes: Buffer) => bytes;
  const method = { requestSerialize: raw, requestDeserialize: raw, responseSerialize: raw, responseDeserialize: raw };
  oracle.addService(
    {
      Echo: { ...method, path: '/t.T/Echo', requestStream: true, responseStream: true },
      Deny: { ...method, path: '/t.T/Deny', requestStream: false, responseStream: false },
    },
    {
      Echo: (call: grpc.ServerDuplexStream<Buffer, Buffer>) => {
        call.on('data', (bytes) => call.write(bytes));
        call.on('end', () => call.end());
      },
      Deny: (_call: unknown, done: grpc.sendUnaryData<Buffer>) => done({ code: 7, details: 'nö' }),
    },
  );
  const port = await new Promise<number>((resolve, reject) =>
    oracle.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  );
  try {
    await using client = await connectGrpc({ host: '127.0.0.1', port });
    assert.deepEqual(await talk(client, '/t.T/Echo', ['a', 'b']), { got: ['a', 'b'], code: 0, text: 'OK' });
    await assert.rejects(client.unary('/t.T/Deny', Buffer.from('x')), /grpc status 7: nö/);
  } finally {
    oracle.forceShutdown();
  }
});

test('a close lets calls end, then ends them', async () => {
  await using server = await serve();
  await using client = await connectGrpc(server.address);
  const status = new Promise<number>((resolve) =>
    client.stream('/t.T/Echo', {}, { message() {}, close: ({ code }) => resolve(code) }).send([Buffer.from('a')]),
  );
  await client.unary('/t.T/Twice', Buffer.from('x'));
  await server.close(20);
  assert.equal(await status, 14);
  await assert.rejects(connectGrpc(server.address), /cannot connect/);
});

test('a message that is too long, or half of one, ends only its own call', async () => {
  await using server = await serve({ maxMessageBytes: 100 });
  await using client = await connectGrpc(server.address);
  assert.equal((await talk(client, '/t.T/Echo', ['x'.repeat(101)])).code, 8);
  assert.deepEqual((await talk(client, '/t.T/Echo', ['x'])).got, ['<x>']);
});

test('what is not gRPC is answered or cut off, and hurts nobody', async () => {
  await using server = await serve({ keepaliveMs: 40 });
  const before = errors.length;
  const session = connectHttp2(`http://127.0.0.1:${portOf(server)}`);
  const ask = (headers: Record<string, string>, body: Buffer) =>
    new Promise<[number | undefined, unknown]>((resolve) => {
      const stream = session.request(headers, { endStream: false });
      let status: number | undefined;
      let code: unknown;
      stream.on('response', (answer) => {
        status = answer[':status'];
        code = answer['grpc-status'];
      });
      stream.on('trailers', (trailers) => {
        code = trailers['grpc-status'];
      });
      stream.on('close', () => resolve([status, code]));
      stream.resume();
      stream.end(body);
    });
  const path = '/t.T/Echo';
  assert.deepEqual(await ask({ ':method': 'POST', ':path': path, 'content-type': 'text/html' }, Buffer.from('x')), [
    415,
    undefined,
  ]);
  assert.deepEqual(await ask({ ':path': path }, Buffer.alloc(0)), [405, undefined]);
  const ours = { ':method': 'POST', ':path': path, 'content-type': 'application/grpc' };
  assert.deepEqual(await ask(ours, Buffer.from('GET / HTTP')), [200, '13']);
  assert.deepEqual(await ask(ours, Buffer.from([0, 0, 0, 0, 9, 1])), [200, '13']);
  session.destroy();

  const closed = (bytes: Buffer) =>
    new Promise<void>((resolve) => {
      const socket = connect(portOf(server), '127.0.0.1', () => void socket.write(bytes));
      socket.on('error', () => {});
      socket.on('data', () => {});
      socket.on('close', () => resolve());
    });
  await Promise.all([
    closed(Buffer.from('GET / HTTP/1.1\r\n\r\n')),
    closed(Buffer.from([0x16, 3, 1, 0, 200, 1, 2, 3])),
    // Half a preface, then silence: cut off by keepalive.
    closed(Buffer.from('PRI * HTTP/2.0\r\n')),
    closed(Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), Buffer.alloc(60, 0xff)])),
  ]);
  assert.equal(errors.length, before);
  await using client = await connectGrpc(server.address);
  assert.deepEqual((await talk(client, path, ['still here'])).got, ['<still here>']);
});

test('a slow reader is told apart by send and drain', async () => {
  let drained = () => {};
  const wait = new Promise<void>((resolve) => {
    drained = resolve;
  });
  const room: boolean[] = [];
  const flood: GrpcHandler = (call) => ({
    message: () => room.push(call.send([Buffer.alloc(64 << 20)])),
    drain: () => {
      drained();
      call.end();
    },
  });
  await using server = await serve({ handlers: { '/t.T/Flood': flood } });
  await using client = await connectGrpc(server.address);
  let bytes = 0;
  const done = new Promise<number>((resolve) => {
    client
      .stream('/t.T/Flood', {}, { message: (message) => void (bytes += message.length), close: ({ code }) => resolve(code) })
      .send([Buffer.from('go')]);
  });
  await wait;
  assert.equal(await done, 0);
  assert.deepEqual([room, bytes], [[false], 64 << 20]);
});
