// The demo programs as processes: their paths, JSON and headers are the ones Istio's tasks rely on, and bad input does not stop them.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { createServer, request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { test, type TestContext } from 'node:test';

const programs = new URL('../../samples/programs/', import.meta.url);

interface Running {
  /** By the order the program opened them. */
  readonly ports: readonly number[];
  readonly url: string;
  /** Resolves when the program has logged `msg`. */
  said(msg: string): Promise<void>;
  /** Sends SIGTERM, answers the exit code. */
  stop(): Promise<number | null>;
}

/** Starts a program on loopback, waits until it has said where it listens, and ends it with the test. */
async function start(
  t: TestContext,
  name: string,
  args: readonly string[],
  env: Record<string, string> = {},
  listeners = 1,
): Promise<Running> {
  const child = spawn(process.execPath, [new URL(`${name}.ts`, programs).pathname, ...args], {
    env: { LISTEN_ADDRESS: '127.0.0.1', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const lines: string[] = [];
  const ports: number[] = [];
  const log = new EventEmitter();
  const listening = Promise.withResolvers<void>();
  createInterface(child.stdout).on('line', (line) => {
    lines.push(line);
    const entry: unknown = JSON.parse(line);
    if (isRecord(entry)) log.emit(String(entry['msg']));
    if (isRecord(entry) && entry['msg'] === 'listening' && ports.push(Number(entry['port'])) === listeners) listening.resolve();
  });
  const stop = async (): Promise<number | null> => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
    await exited;
    return child.exitCode;
  };
  t.after(stop);
  await Promise.race([
    listening.promise,
    exited.then(() => assert.fail(`${name} ended before it listened:\n${lines.join('\n')}`)),
  ]);
  return { ports, url: `http://127.0.0.1:${ports[0]}`, said: async (msg) => void (await once(log, msg)), stop };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

async function json(url: string, init: RequestInit = {}): Promise<{ status: number; body: unknown }> {
  const response = await fetch(url, init);
  return { status: response.status, body: await response.json() };
}

async function text(url: string, init: RequestInit = {}): Promise<string> {
  return (await fetch(url, init)).text();
}

/** A service that records what reached it and answers what it is told. */
async function stand(t: TestContext, answer: () => { status: number; body: unknown }) {
  const seen: { path: string; headers: IncomingHttpHeaders }[] = [];
  const server = createServer((request, response) => {
    seen.push({ path: request.url ?? '', headers: request.headers });
    const { status, body } = answer();
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return { seen, port: String((server.address() as AddressInfo).port) };
}

/** Resolves when a connection is over, in whatever way. */
function closed(socket: Socket): Promise<void> {
  socket.on('error', () => {});
  return new Promise((resolve) => socket.once('close', () => resolve()));
}

function at(service: string, port: number | string | undefined): Record<string, string> {
  return { [`${service}_HOSTNAME`]: '127.0.0.1', [`${service}_SERVICE_PORT`]: String(port) };
}

test('ratings keeps what is posted and refuses what is not a rating', async (t) => {
  const { url } = await start(t, 'ratings', ['0']);
  assert.deepEqual(await json(`${url}/health`), { status: 200, body: { status: 'Ratings is healthy' } });
  assert.deepEqual(await json(`${url}/ratings/0`), { status: 200, body: { id: 0, ratings: { Reviewer1: 5, Reviewer2: 4 } } });
  const post = (body: string) => json(`${url}/ratings/7`, { method: 'POST', body });
  assert.deepEqual(await post('{"Reviewer1":1}'), { status: 200, body: { id: 7, ratings: { Reviewer1: 1 } } });
  assert.equal((await post('not json')).status, 400);
  assert.equal((await post(`"${'x'.repeat(100_000)}"`)).status, 413);
  assert.deepEqual(await json(`${url}/ratings/7`), { status: 200, body: { id: 7, ratings: { Reviewer1: 1 } } });
  assert.equal((await json(`${url}/ratings/abc`)).status, 400);
});

test('details knows the book and wants a number', async (t) => {
  const { url } = await start(t, 'details', ['0']);
  assert.deepEqual(await json(`${url}/health`), { status: 200, body: { status: 'Details is healthy' } });
  const { body } = await json(`${url}/details/3`);
  assert.deepEqual(body, {
    id: 3,
    author: 'William Shakespeare',
    year: 1595,
    type: 'paperback',
    pages: 200,
    publisher: 'PublisherA',
    language: 'English',
    'ISBN-10': '1234567890',
    'ISBN-13': '123-1234567890',
  });
  assert.equal((await json(`${url}/details/x`)).status, 400);
  assert.equal((await json(`${url}/else`)).status, 404);
});

test('each version of reviews has its own stars, and carries the headers of its caller on to ratings', async (t) => {
  let ratings: { status: number; body: unknown } = { status: 200, body: { id: 0, ratings: { Reviewer1: 5, Reviewer2: 4 } } };
  const backend = await stand(t, () => ratings);
  const run = (version: string) =>
    start(t, 'reviews', ['0'], { SERVICE_VERSION: version, HOSTNAME: `reviews-${version}-pod`, ...at('RATINGS', backend.port) });
  const [v1, v2, v3] = await Promise.all(['v1', 'v2', 'v3'].map(run));
  assert.ok(v1 && v2 && v3);
  const ratingsOf = async ({ url }: Running, headers: Record<string, string> = {}) => {
    const { body } = await json(`${url}/reviews/0`, { headers });
    assert.ok(isRecord(body) && Array.isArray(body['reviews']));
    const reviews: unknown[] = body['reviews'];
    return {
      podname: body['podname'],
      clustername: body['clustername'],
      ratings: reviews.map((review) => isRecord(review) && review['rating']),
    };
  };

  assert.deepEqual(await ratingsOf(v1), { podname: 'reviews-v1-pod', clustername: 'null', ratings: [undefined, undefined] });
  assert.equal(backend.seen.length, 0, 'version 1 asks nobody');

  const carried = {
    'x-request-id': 'r-1',
    'x-b3-traceid': '463ac35c9f6413ad48485a3953bb6124',
    'x-b3-sampled': '1',
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    tracestate: 'a=b',
    'x-ot-span-context': 'o',
    'x-datadog-trace-id': '7',
    'x-cloud-trace-context': 'c/1;o=1',
    'grpc-trace-bin': 'AAA',
    sw8: '1-A',
    'end-user': 'jason',
    'user-agent': 'the tester',
    cookie: 'session=x',
    authorization: 'Bearer t',
    jwt: 'j',
  };
  assert.deepEqual((await ratingsOf(v2, { ...carried, 'x-other': 'stays' })).ratings, [
    { stars: 5, color: 'black' },
    { stars: 4, color: 'black' },
  ]);
  const [first] = backend.seen;
  assert.ok(first);
  assert.equal(first.path, '/ratings/0');
  for (const [name, value] of Object.entries(carried)) assert.equal(first.headers[name], value, name);
  assert.equal(first.headers['x-other'], undefined);

  assert.deepEqual((await ratingsOf(v3)).ratings, [
    { stars: 5, color: 'red' },
    { stars: 4, color: 'red' },
  ]);
  ratings = { status: 500, body: {} };
  const unavailable = { error: 'Ratings service is currently unavailable' };
  assert.deepEqual((await ratingsOf(v3)).ratings, [unavailable, unavailable]);
});

test('productpage puts the page together, and says who is signed in to those it asks', async (t) => {
  const ratings = await start(t, 'ratings', ['0']);
  const reviews = await start(t, 'reviews', ['0'], {
    SERVICE_VERSION: 'v3',
    HOSTNAME: 'reviews-v3-abc-xyz',
    CLUSTER_NAME: 'east',
    ...at('RATINGS', ratings.ports[0]),
  });
  const details = await stand(t, () => ({ status: 200, body: { id: 0, author: '<b>&"' } }));
  const { url } = await start(t, 'productpage', ['0'], {
    ...at('DETAILS', details.port),
    ...at('REVIEWS', reviews.ports[0]),
    ...at('RATINGS', ratings.ports[0]),
  });

  const page = await text(`${url}/productpage`);
  assert.match(page, /<title>Simple Bookstore App<\/title>/);
  assert.match(page, /The Comedy of Errors/);
  assert.match(page, /reviews-v3-abc-xyz<\/code> on cluster <code>east/);
  assert.match(page, /color:red/);
  assert.match(page, /&#60;b&#62;&#38;&#34;/);
  assert.doesNotMatch(page, /<b>&"/, 'what a service says is escaped');
  assert.doesNotMatch(page, /(src|href)="https?:(?!\/\/en\.wikipedia)/, 'nothing is loaded from elsewhere');
  assert.equal(details.seen.at(-1)?.headers['end-user'], undefined);

  const login = await fetch(`${url}/login`, {
    method: 'POST',
    body: new URLSearchParams({ username: 'jason', passwd: 'x' }),
    redirect: 'manual',
  });
  assert.equal(login.status, 302);
  assert.equal(login.headers.get('location'), '/productpage');
  const cookie = login.headers.get('set-cookie')?.split(';')[0] ?? '';
  assert.match(cookie, /^session=./);
  const signedIn = await text(`${url}/productpage`, { headers: { cookie, 'x-request-id': 'r-2' } });
  assert.match(signedIn, /<b>jason<\/b>/);
  assert.equal(details.seen.at(-1)?.headers['end-user'], 'jason');
  assert.equal(details.seen.at(-1)?.headers['x-request-id'], 'r-2');
  const logout = await fetch(`${url}/logout`, { headers: { cookie }, redirect: 'manual' });
  assert.match(logout.headers.get('set-cookie') ?? '', /^session=;.*Max-Age=0/);

  const products = await json(`${url}/api/v1/products`);
  assert.ok(Array.isArray(products.body) && isRecord(products.body[0]) && products.body[0]['id'] === 0);
  assert.deepEqual((await json(`${url}/api/v1/products/0/ratings`)).body, { id: 0, ratings: { Reviewer1: 5, Reviewer2: 4 } });
  assert.equal((await json(`${url}/api/v1/products/0/reviews`)).status, 200);
  assert.deepEqual((await json(`${url}/api/v1/products/0`)).body, { id: 0, author: '<b>&"' });
  assert.equal((await fetch(`${url}/health`)).status, 200);
  assert.match(await text(`${url}/metrics`), /request_result_total\{destination_app="reviews",response_code="200"\} \d+/);
});

test('productpage asks reviews twice, shows what is missing, and answers its API with the status it got', async (t) => {
  const reviews = await stand(t, () => ({ status: 503, body: {} }));
  const details = await stand(t, () => ({ status: 555, body: {} }));
  const { url } = await start(t, 'productpage', ['0'], { ...at('DETAILS', details.port), ...at('REVIEWS', reviews.port) });
  const page = await fetch(`${url}/productpage`);
  assert.equal(page.status, 200);
  const html = await page.text();
  assert.match(html, /Error fetching product reviews!/);
  assert.match(html, /Sorry, product reviews are currently unavailable for this book\./);
  assert.match(html, /Error fetching product details!/);
  assert.equal(reviews.seen.length, 2);
  assert.equal(details.seen.length, 1);
  assert.deepEqual(await json(`${url}/api/v1/products/0/reviews`), {
    status: 503,
    body: { error: 'Sorry, product reviews are currently unavailable for this book.' },
  });
  assert.equal((await json(`${url}/api/v1/products/0`)).status, 555);
});

test('helloworld names its version and its pod', async (t) => {
  const { url } = await start(t, 'helloworld', ['0'], { SERVICE_VERSION: 'v2', HOSTNAME: 'helloworld-v2-pod' });
  assert.equal(await text(`${url}/hello`), 'Hello version: v2, instance: helloworld-v2-pod\n');
  assert.equal((await fetch(`${url}/health`)).status, 200);
});

test('tcp-echo answers line by line on each of its ports', async (t) => {
  const { ports } = await start(t, 'tcp-echo', ['0,0', 'one'], {}, 2);
  for (const port of ports) {
    const socket = connect(port, '127.0.0.1');
    const answers = createInterface(socket);
    const received: string[] = [];
    answers.on('line', (line) => received.push(line));
    socket.write('wor');
    socket.write('ld\nand');
    socket.end(' more\nunfinished');
    await once(answers, 'close');
    assert.deepEqual(received, ['one world', 'one and more']);
  }
  const endless = connect(ports[0] ?? 0, '127.0.0.1');
  endless.write('x'.repeat(200_000));
  await closed(endless);
});

test('httpbin reflects requests in the shape of either original', async (t) => {
  const go = await start(t, 'httpbin', ['-port', '0', '-use-real-hostname'], { HOSTNAME: 'httpbin-pod' });
  const old = await start(t, 'httpbin', ['gunicorn', '--access-logfile', '-', '-b', '127.0.0.1:0', 'httpbin:app']);
  const headers = { 'x-tried': 'yes', 'x-forwarded-for': '10.1.2.3, 10.0.0.1' };

  const get = (await json(`${go.url}/get?a=1&a=2&__proto__=p`, { headers })).body;
  assert.ok(isRecord(get) && isRecord(get['headers']) && isRecord(get['args']));
  assert.deepEqual(get['headers']['X-Tried'], ['yes']);
  assert.deepEqual(Object.entries(get['args']), [
    ['__proto__', ['p']],
    ['a', ['1', '2']],
  ]);
  assert.equal(get['method'], 'GET');
  assert.equal(get['origin'], '10.1.2.3');
  assert.equal(get['url'], `${go.url}/get?a=1&a=2&__proto__=p`);

  const oldGet = (await json(`${old.url}/get?a=1`, { headers })).body;
  assert.ok(isRecord(oldGet) && isRecord(oldGet['headers']));
  assert.equal(oldGet['headers']['X-Tried'], 'yes');
  assert.deepEqual(oldGet['args'], { a: '1' });

  const posted = (await json(`${go.url}/post`, { method: 'POST', body: new URLSearchParams({ k: 'v' }) })).body;
  assert.ok(isRecord(posted));
  assert.deepEqual([posted['form'], posted['data'], posted['json']], [{ k: ['v'] }, 'k=v', null]);
  const form = new FormData();
  form.set('field', 'one');
  form.set('file', new Blob(['inside']), 'f.txt');
  const multipart = (await json(`${go.url}/anything/deep/er`, { method: 'PUT', body: form })).body;
  assert.ok(isRecord(multipart));
  assert.deepEqual(
    [multipart['form'], multipart['files'], multipart['method']],
    [{ field: ['one'] }, { file: ['inside'] }, 'PUT'],
  );
  assert.deepEqual((await json(`${go.url}/hostname`)).body, { hostname: 'httpbin-pod' });
  assert.deepEqual((await json(`${go.url}/headers`, { headers: { 'user-agent': 'ua' } })).status, 200);
  assert.deepEqual((await json(`${go.url}/user-agent`, { headers: { 'user-agent': 'ua' } })).body, { 'user-agent': 'ua' });
});

test('httpbin does what its paths say', async (t) => {
  const { url } = await start(t, 'httpbin', ['-port', '0']);
  const get = (path: string, init: RequestInit = {}) => fetch(`${url}${path}`, { redirect: 'manual', ...init });
  const statuses: readonly (readonly [path: string, status: number, headers?: Record<string, string>])[] = [
    ['/status/418', 418],
    ['/status/204', 204],
    ['/status/503:1,200:0', 503],
    ['/status/99', 400],
    ['/status/many', 400],
    ['/unstable?failure_rate=1', 500],
    ['/unstable?failure_rate=7', 400],
    ['/delay/0', 200],
    ['/delay/11', 400],
    ['/basic-auth/u/p', 401],
    ['/basic-auth/u/p', 200, { authorization: `Basic ${btoa('u:p')}` }],
    ['/bearer', 401],
    ['/bearer', 200, { authorization: 'Bearer t' }],
    ['/cache', 304, { 'if-none-match': '"x"' }],
    ['/etag/x', 304, { 'if-none-match': '"x"' }],
    ['/etag/x', 412, { 'if-match': '"y"' }],
    ['/response-headers?X-A=%0d%0aX-B:1', 400],
    ['/response-headers?__proto__=1', 200],
    ['/anything/%ff', 400],
    ['/post', 405],
    ['/nothing', 404],
    ['/bytes/9999999', 400],
    ['/health', 200],
    ['/json', 200],
    ['/html', 200],
    ['/xml', 200],
    ['/robots.txt', 200],
    ['/uuid', 200],
    ['/ip', 200],
  ];
  for (const [path, status, headers] of statuses) {
    const response = await get(path, headers === undefined ? {} : { headers });
    assert.equal(response.status, status, path);
    await response.arrayBuffer();
  }
  assert.equal((await get('/redirect/2')).headers.get('location'), '/relative-redirect/1');
  assert.equal((await get('/absolute-redirect/1')).headers.get('location'), `${url}/get`);
  assert.equal(
    (await get('/redirect-to?url=http%3A%2F%2Fa%2F%0d%0a&status_code=307')).headers.get('location'),
    'http://a/%0D%0A',
  );
  assert.equal((await get('/response-headers?X-Given=v')).headers.get('x-given'), 'v');
  assert.match((await get('/cookies/set?n=v')).headers.get('set-cookie') ?? '', /^n=v;/);
  assert.deepEqual((await json(`${url}/cookies`, { headers: { cookie: 'a=1; b="2"' } })).body, { a: '1', b: '2' });
  assert.equal((await (await get('/bytes/1000')).arrayBuffer()).byteLength, 1000);
  assert.equal((await (await get('/stream-bytes/1000?chunk_size=300')).arrayBuffer()).byteLength, 1000);
  assert.equal((await (await get('/stream/3')).text()).trim().split('\n').length, 3);
  assert.equal(await (await get('/drip?numbytes=500&duration=0.02&delay=0')).text(), '*'.repeat(500));
  assert.equal((await (await get('/sse?count=3&duration=10ms&delay=0')).text()).match(/^event: ping$/gm)?.length, 3);
  assert.equal(await (await get('/base64/aGVsbG8=')).text(), 'hello');
  for (const encoding of ['gzip', 'deflate', 'brotli']) assert.equal((await json(`${url}/${encoding}`)).status, 200, encoding);
  const preflight = await get('/get', {
    method: 'OPTIONS',
    headers: { origin: 'http://o', 'access-control-request-headers': 'x-a' },
  });
  assert.equal(preflight.headers.get('access-control-allow-headers'), 'x-a');
  const tooLong = await get('/post', { method: 'POST', body: 'x'.repeat(2 * 1024 * 1024) });
  assert.equal(tooLong.status, 413);
});

test('httpbin echoes WebSocket messages, long and short', async (t) => {
  const { url } = await start(t, 'httpbin', ['-port', '0']);
  const socket = new WebSocket(`${url.replace('http', 'ws')}/websocket/echo`);
  const answers: string[] = [];
  const done = Promise.withResolvers<void>();
  const sent = ['hi', 'x'.repeat(200), 'y'.repeat(70_000)];
  socket.addEventListener('message', ({ data }) => {
    if (answers.push(String(data)) === sent.length) socket.close();
  });
  socket.addEventListener('close', () => done.resolve());
  socket.addEventListener('open', () => {
    for (const message of sent) socket.send(message);
  });
  await done.promise;
  assert.deepEqual(answers, sent);

  // Any other upgrade is not ours to take: the request is answered in HTTP/1.1.
  const request = httpRequest(`${url}/get`, { headers: { connection: 'Upgrade', upgrade: 'h2c' } });
  request.end();
  const [response] = await once(request, 'response');
  assert.equal(response.statusCode, 200);
  response.resume();
});

test('bytes that are no HTTP get a 400, and the next request its answer', async (t) => {
  const { url, ports } = await start(t, 'ratings', ['0']);
  for (const garbage of ['\x16\x03\x01\x02\x00\x01\x00', 'GET\r\n\r\n', `GET / HTTP/1.1\r\nx: ${'y'.repeat(100_000)}\r\n\r\n`]) {
    const socket = connect(ports[0] ?? 0, '127.0.0.1');
    socket.resume();
    socket.end(garbage);
    await closed(socket);
  }
  assert.equal((await fetch(`${url}/ratings/0`)).status, 200);
});

test('SIGTERM lets a request under way finish, then ends the program', async (t) => {
  const reached = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  const slow = createServer((_request, response) => {
    reached.resolve();
    void release.promise.then(() => response.end('{"ratings":{"Reviewer1":1,"Reviewer2":2}}'));
  });
  slow.listen(0, '127.0.0.1');
  await once(slow, 'listening');
  t.after(() => slow.close());
  const reviews = await start(t, 'reviews', ['0'], {
    SERVICE_VERSION: 'v2',
    ...at('RATINGS', (slow.address() as AddressInfo).port),
  });
  const answer = json(`${reviews.url}/reviews/0`);
  await reached.promise;
  const stopping = reviews.said('stopping');
  const stopped = reviews.stop();
  await stopping;
  release.resolve();
  const { status, body } = await answer;
  assert.equal(status, 200);
  assert.match(JSON.stringify(body), /"stars":1,"color":"black"/);
  assert.equal(await stopped, 0);
});

test('a port that is taken, or no port, is one clear line and exit code 2', async (t) => {
  const { ports } = await start(t, 'helloworld', ['0']);
  for (const [args, message] of [
    [[String(ports[0])], /cannot listen on port/],
    [['http'], /not a port/],
  ] as const) {
    const child = spawn(process.execPath, [new URL('helloworld.ts', programs).pathname, ...args], {
      env: { LISTEN_ADDRESS: '127.0.0.1' },
    });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    const [code] = await once(child, 'close');
    assert.equal(code, 2);
    assert.match(output, message);
  }
});
