import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { Resolver } from 'node:dns/promises';
import { once } from 'node:events';
import { connect, createServer, type Server } from 'node:net';
import { test, type TestContext } from 'node:test';
import { decode, encode, type Answer, type Decoded, type Packet } from 'dns-packet';
import fc from 'fast-check';
import { readQuery } from './message.ts';
import { buildNameTable, type NamedHost, type NameTable } from './name-table.ts';
import { serveDns, type DnsServerOptions } from './server.ts';
import { frame, FrameReader } from './tcp-frame.ts';

const host = '127.0.0.1';

const hosts: NamedHost[] = [
  {
    host: 'reviews.default.svc.cluster.local',
    kind: 'cluster',
    shortName: 'reviews',
    namespace: 'default',
    addresses: ['10.0.0.1'],
  },
  {
    host: 'web.default.svc.cluster.local',
    kind: 'cluster',
    shortName: 'web',
    namespace: 'default',
    addresses: [],
    headlessPods: [0, 1, 2].map((index) => ({ hostname: `web-${index}`, address: `10.1.0.${index}` })),
    ports: [{ name: 'http', protocol: 'tcp', port: 8080 }],
  },
  {
    host: 'many.default.svc.cluster.local',
    kind: 'cluster',
    shortName: 'many',
    namespace: 'default',
    addresses: [],
    headlessPods: Array.from({ length: 300 }, (_, index) => ({ address: `10.2.${index >> 8}.${index & 255}` })),
  },
  {
    host: 'here.default.svc.cluster.local',
    kind: 'cluster',
    shortName: 'here',
    namespace: 'default',
    addresses: [],
    alias: 'reviews.default.svc.cluster.local',
  },
  {
    host: 'there.default.svc.cluster.local',
    kind: 'cluster',
    shortName: 'there',
    namespace: 'default',
    addresses: [],
    alias: 'outside.example.net',
  },
  {
    host: 'round.default.svc.cluster.local',
    kind: 'cluster',
    shortName: 'round',
    namespace: 'default',
    addresses: [],
    alias: 'round.default.svc.cluster.local',
  },
  { host: 'api.example.com', kind: 'external', addresses: ['240.0.0.1', '2001:2::1'] },
];

async function started(context: TestContext, options: Partial<DnsServerOptions> = {}) {
  const table = buildNameTable(hosts);
  const serve = () => serveDns({ listen: [{ address: host, port: 0 }], table: () => table, onError: assert.ifError, ...options });
  // Another program may have the TCP port of the UDP port that the system chose.
  const server = await serve().catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EADDRINUSE') return serve();
    throw error;
  });
  context.after(() => server[Symbol.asyncDispose]());
  const [address] = server.addresses;
  assert.ok(address);
  const resolver = new Resolver({ timeout: 5000, tries: 1 });
  resolver.setServers([`${host}:${address.port}`]);
  return { server, port: address.port, resolver };
}

interface Asked {
  readonly edns?: number;
  readonly flags?: number;
}

const question = (name: string, type = 'A') => ({ name, type, class: 'IN' });

const queryBytes = (name: string, type: string, { edns, flags = 0x0100 }: Asked = {}): Buffer =>
  encode({
    id: 77,
    type: 'query',
    flags,
    questions: [question(name, type)],
    additionals: edns === undefined ? [] : [{ type: 'OPT', name: '.', udpPayloadSize: edns, flags: 0, options: [] }],
  });

async function overUdp(port: number, bytes: Buffer): Promise<Buffer> {
  const socket = createSocket('udp4');
  try {
    return await new Promise((resolve, reject) => {
      socket.on('error', reject);
      socket.on('message', resolve);
      socket.send(bytes, port, host);
    });
  } finally {
    socket.close();
  }
}

const ask = async (port: number, name: string, type = 'A', asked: Asked = {}): Promise<Decoded & { size: number }> => {
  const bytes = await overUdp(port, queryBytes(name, type, asked));
  return { ...decode(bytes), size: bytes.length };
};

function overTcp(port: number, bytes: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, host);
    const reader = new FrameReader((message) => {
      resolve(Buffer.from(message));
      socket.destroy();
    });
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('closed without an answer')));
    socket.on('data', (chunk: Buffer) => reader.push(chunk));
    socket.end(frame(bytes));
  });
}

const addressesIn = ({ answers }: Decoded) =>
  answers.flatMap(({ type, data }) => (type === 'A' || type === 'AAAA' ? [data] : []));

test('who asks for a host outside, where nobody can be asked, is told of', async (context) => {
  const outside: string[] = [];
  const { port } = await started(context, { onOutside: (client, name) => outside.push(`${client} ${name}`) });
  await ask(port, 'Example.com');
  await ask(port, 'example.com', 'AAAA');
  await ask(port, 'example.com', 'TXT');
  await ask(port, 'there.default.svc.cluster.local');
  await ask(port, 'reviews.default.svc.cluster.local');
  await ask(port, 'nobody.default.svc.cluster.local');
  assert.deepEqual(outside, [`${host} example.com`, `${host} example.com`, `${host} outside.example.net`]);
});

test("a program's resolver gets what it asks for", async (context) => {
  const { resolver } = await started(context, { namespaceOf: (address) => (address === host ? 'default' : undefined) });
  assert.deepEqual(await resolver.resolve4('reviews.default.svc.cluster.local'), ['10.0.0.1']);
  assert.deepEqual(await resolver.resolve4('reviews'), ['10.0.0.1']);
  assert.deepEqual((await resolver.resolve4('web.default')).toSorted(), ['10.1.0.0', '10.1.0.1', '10.1.0.2']);
  assert.deepEqual(await resolver.resolve4('web-2.web.default.svc.cluster.local', { ttl: true }), [
    { address: '10.1.0.2', ttl: 5 },
  ]);
  assert.deepEqual(await resolver.resolve4('api.example.com', { ttl: true }), [{ address: '240.0.0.1', ttl: 30 }]);
  assert.deepEqual(await resolver.resolve6('api.example.com'), ['2001:2::1']);
  assert.deepEqual(await resolver.resolve4('here.default'), ['10.0.0.1']);
  assert.deepEqual(await resolver.resolveCname('there.default'), ['outside.example.net']);
  assert.deepEqual(await resolver.reverse('10.0.0.1'), ['reviews.default.svc.cluster.local']);
  const ports = await resolver.resolveSrv('_http._tcp.web.default.svc.cluster.local');
  assert.deepEqual(
    ports.map(({ name, port }) => `${name}:${port}`).toSorted(),
    [0, 1, 2].map((index) => `web-${index}.web.default.svc.cluster.local:8080`),
  );
  assert.equal((await resolver.resolve4('many.default')).length, 300);
  await assert.rejects(resolver.resolve6('reviews.default'), { code: 'ENODATA' });
  await assert.rejects(resolver.resolve4('nobody.default.svc.cluster.local'), { code: 'ENOTFOUND' });
});

test('answers say what they are', async (context) => {
  const { port } = await started(context);
  const missing = await ask(port, 'nobody.default.svc.cluster.local');
  assert.equal(missing.rcode, 'NXDOMAIN');
  assert.deepEqual(
    missing.authorities.map(({ type, name }) => `${type} ${name}`),
    ['SOA cluster.local'],
  );
  const empty = await ask(port, 'reviews.default', 'AAAA');
  assert.equal(empty.rcode, 'NOERROR');
  assert.deepEqual([empty.answers.length, empty.authorities.length], [0, 1]);
  const https = await ask(port, 'api.example.com', 'UNKNOWN_65');
  assert.deepEqual([https.rcode, https.answers.length], ['NOERROR', 0]);
  const mixed = await ask(port, 'rEvIeWs.DeFaUlT');
  assert.deepEqual([mixed.id, mixed.questions[0]?.name, mixed.answers[0]?.name], [77, 'rEvIeWs.DeFaUlT', 'rEvIeWs.DeFaUlT']);
  assert.equal((await ask(port, 'elsewhere.example.org')).rcode, 'REFUSED');
  assert.equal((await ask(port, 'there.default')).rcode, 'SERVFAIL');
  assert.equal((await ask(port, 'reviews.default', 'A', { flags: 0x2800 })).rcode, 'NOTIMP');
  const round = await ask(port, 'round.default', 'A', { edns: 1232 });
  assert.deepEqual([round.rcode, new Set(round.answers.map(({ type }) => type)).size, round.answers.length], ['NOERROR', 1, 8]);
  const firsts = new Set<unknown>();
  for (let count = 0; count < 3; count++) firsts.add(addressesIn(await ask(port, 'web.default'))[0]);
  assert.equal(firsts.size, 3);
});

test('what does not fit is cut and marked, and whole over TCP', async (context) => {
  const { port } = await started(context);
  const truncated = 0x0200;
  const plain = await ask(port, 'many.default');
  assert.ok(plain.size <= 512 && plain.answers.length > 5 && (plain.flags & truncated) !== 0);
  const edns = await ask(port, 'many.default', 'A', { edns: 4096 });
  assert.ok(edns.size <= 1232 && edns.answers.length > plain.answers.length && (edns.flags & truncated) !== 0);
  assert.equal(edns.additionals[0]?.type, 'OPT');
  const whole = decode(await overTcp(port, queryBytes('many.default', 'A')));
  assert.equal(whole.answers.length, 300);
  assert.equal(whole.flags & truncated, 0);
});

test('queries fail until the names are known', async (context) => {
  const known: NameTable[] = [];
  const { port } = await started(context, { table: () => known[0] });
  assert.equal((await ask(port, 'reviews.default')).rcode, 'SERVFAIL');
  known.push(buildNameTable(hosts));
  assert.deepEqual(addressesIn(await ask(port, 'reviews.default')), ['10.0.0.1']);
});

/** A server of the network, as a function from a query to the replies that it sends; counts what reached it. */
async function upstream(context: TestContext, reply: (query: Decoded) => Packet | undefined) {
  const seen: Decoded[] = [];
  const answer = (bytes: Buffer, transport: 'udp' | 'tcp', send: (bytes: Buffer) => void) => {
    const query = decode(bytes);
    seen.push(query);
    const packet = reply(query);
    if (packet === undefined) return;
    const truncated = transport === 'udp' && (packet.answers?.length ?? 0) > 20;
    const flags = 0x8080 | (packet.flags ?? 0) | (truncated ? 0x0200 : 0);
    send(
      encode({ id: query.id, type: 'response', questions: query.questions, ...packet, flags, ...(truncated && { answers: [] }) }),
    );
  };
  const tcp = createServer((socket) => {
    const reader = new FrameReader((bytes) => answer(Buffer.from(bytes), 'tcp', (out) => socket.end(frame(out))));
    socket.on('data', (bytes: Buffer) => reader.push(bytes));
  });
  const { udp, port } = await onOnePort(tcp);
  udp.on('message', (bytes, { port: asker }) => answer(bytes, 'udp', (out) => udp.send(out, asker, host)));
  context.after(async () => {
    await new Promise<void>((done) => udp.close(done));
    await new Promise((done) => tcp.close(done));
  });
  return { address: host, port, seen };
}

/** Both listen; another program may have the TCP port of the UDP port that the system chose: then it chooses again. */
async function onOnePort(tcp: Server): Promise<{ readonly udp: Socket; readonly port: number }> {
  for (;;) {
    const udp = createSocket('udp4');
    await new Promise<void>((done) => udp.bind(0, host, done));
    const { port } = udp.address();
    tcp.listen(port, host);
    try {
      await once(tcp, 'listening');
      return { udp, port };
    } catch {
      await new Promise<void>((done) => udp.close(done));
    }
  }
}

const a = (name: string, data: string, ttl = 60): Answer => ({ type: 'A', name, ttl, data });

test("other names are asked of the network's servers, and kept for a while", async (context) => {
  let now = Date.now();
  const network = await upstream(context, ({ questions: [asked] }) => ({ answers: [a(asked?.name ?? '', '192.0.2.1')] }));
  const { port } = await started(context, { upstreams: [network], now: () => now });
  for (const _ of [1, 2]) {
    const answer = await ask(port, 'www.example.org');
    assert.equal(answer.id, 77);
    assert.deepEqual(addressesIn(answer), ['192.0.2.1']);
  }
  assert.equal(network.seen.length, 1);
  now += 31_000;
  await ask(port, 'www.example.org');
  assert.equal(network.seen.length, 2);
  // An alias that leads outside is followed there.
  const followed = await ask(port, 'there.default');
  assert.deepEqual(
    followed.answers.map(({ type, name }) => `${type} ${name}`),
    ['CNAME there.default', 'A outside.example.net'],
  );
  // Names of the mesh never leave it.
  await ask(port, 'nobody.default.svc.cluster.local');
  assert.ok(network.seen.every(({ questions }) => questions.every(({ name }) => !name.endsWith('cluster.local'))));
});

test('a truncated answer is fetched whole over TCP', async (context) => {
  const answers = Array.from({ length: 100 }, (_, index) => a('big.example.org', `192.0.2.${index}`));
  const network = await upstream(context, () => ({ answers }));
  const { port } = await started(context, { upstreams: [network] });
  const cut = await ask(port, 'big.example.org');
  assert.ok(cut.size <= 512 && (cut.flags & 0x0200) !== 0);
  assert.equal(decode(await overTcp(port, queryBytes('big.example.org', 'A'))).answers.length, 100);
});

test('a server that fails or is silent is passed over; none that answers is a quick failure', async (context) => {
  const silent = await upstream(context, () => undefined);
  const failing = await upstream(context, () => ({ flags: 2 }));
  const good = await upstream(context, ({ questions: [asked] }) => ({ answers: [a(asked?.name ?? '', '192.0.2.7')] }));
  const { port } = await started(context, { upstreams: [silent, failing, good], timeoutMs: 300 });
  assert.deepEqual(addressesIn(await ask(port, 'www.example.org')), ['192.0.2.7']);
  assert.deepEqual([silent.seen.length, failing.seen.length, good.seen.length], [1, 1, 1]);

  const hopeless = await started(context, { upstreams: [silent], timeoutMs: 100 });
  assert.equal((await ask(hopeless.port, 'www.example.org')).rcode, 'SERVFAIL');
  const refusing = await started(context, { upstreams: [failing] });
  assert.equal((await ask(refusing.port, 'www.example.org')).rcode, 'SERVFAIL');
});

test('queries above the bound fail at once, and leave when it has room', async (context) => {
  const held: (() => void)[] = [];
  const arrived = Promise.withResolvers<void>();
  const slow = createSocket('udp4');
  slow.on('message', (bytes, { port }) => {
    const query = decode(bytes);
    const answers = query.questions.map(({ name }) => a(name, '192.0.2.1'));
    held.push(() => slow.send(encode({ id: query.id, type: 'response', questions: query.questions, answers }), port, host));
    if (held.length === 2) arrived.resolve();
  });
  await new Promise<void>((done) => slow.bind(0, host, done));
  context.after(() => slow.close());
  const { port } = await started(context, { upstreams: [{ address: host, port: slow.address().port }], maxInFlight: 2 });
  const first = [ask(port, 'one.example.org'), ask(port, 'two.example.org')];
  await arrived.promise;
  assert.equal((await ask(port, 'three.example.org')).rcode, 'SERVFAIL');
  for (const release of held.splice(0)) release();
  for (const answer of await Promise.all(first)) assert.deepEqual(addressesIn(answer), ['192.0.2.1']);
});

test('an answer to another question is not taken', async (context) => {
  const forger = await upstream(context, () => ({
    questions: [question('other.example.org')],
    answers: [a('www.example.org', '192.0.2.66')],
  }));
  const { port } = await started(context, { upstreams: [forger], timeoutMs: 100 });
  assert.equal((await ask(port, 'www.example.org')).rcode, 'SERVFAIL');
});

test('garbage is answered with an error or not at all, and the server goes on', async (context) => {
  const { port } = await started(context);
  const good = queryBytes('reviews.default', 'A', { edns: 1232 });
  const sender = createSocket('udp4');
  context.after(() => sender.close());
  const garbage = fc.oneof(
    fc.uint8Array({ maxLength: 600 }),
    // A good query with some bytes changed.
    fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 5 }).map((changes) => {
      const bytes = Uint8Array.from(good);
      for (const [at, value] of changes) bytes[at] = value;
      return bytes;
    }),
    fc.nat(good.length).map((length) => good.subarray(0, length)),
  );
  await fc.assert(
    fc.asyncProperty(garbage, async (bytes) => {
      readQuery(Buffer.from(bytes));
      await new Promise<void>((done, reject) => sender.send(bytes, port, host, (error) => (error ? reject(error) : done())));
    }),
    { numRuns: 300 },
  );
  for (const bytes of [Buffer.from('GET / HTTP/1.1\r\n\r\n'), Buffer.alloc(0), Buffer.alloc(3)]) {
    await new Promise<void>((done) => {
      const socket = connect(port, host);
      socket.on('error', () => {});
      socket.on('close', () => done());
      socket.on('data', () => {});
      socket.end(bytes);
    });
  }
  assert.deepEqual(addressesIn(await ask(port, 'reviews.default')), ['10.0.0.1']);
  assert.deepEqual(addressesIn(decode(await overTcp(port, good))), ['10.0.0.1']);
  const response = Buffer.from(good);
  response.writeUInt16BE(0x8180, 2);
  assert.equal(readQuery(response), undefined);
});

test('an address that is taken is told, and nothing else stays open', async (context) => {
  const { port } = await started(context);
  const free = await started(context);
  await free.server[Symbol.asyncDispose]();
  const listen = [
    { address: host, port: free.port },
    { address: host, port },
  ];
  await assert.rejects(serveDns({ listen, table: () => undefined }), { code: 'EADDRINUSE' });
  await using again = await serveDns({ listen: listen.slice(0, 1), table: () => undefined });
  assert.equal(again.addresses[0]?.port, free.port);
});
