// A request as explain describes it, put on the wire to a real proxy: from whom and to where a PROXY header says, TLS as asked.

import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Request } from '../../../src/explain/request.ts';
import { leaf, type Leaf, type TestAuthority } from '../certificates.ts';
import { lineOf, pairs } from './upstream.ts';

export type Answer =
  | { readonly kind: 'response'; readonly status: number; readonly headers: Headers; readonly body: string }
  /** Bytes came back. */
  | { readonly kind: 'echo' }
  | { readonly kind: 'closed'; readonly why: string };

type Headers = readonly (readonly [name: string, value: string])[];

/** No answer takes longer, on whatever machine. */
const longestMs = 20_000;

const leaves = new WeakMap<TestAuthority, Map<string, Promise<Leaf>>>();

/** The certificate of an identity, the same each time. */
function leafOf(authority: TestAuthority, identity: string): Promise<Leaf> {
  const known = leaves.get(authority) ?? new Map<string, Promise<Leaf>>();
  leaves.set(authority, known);
  const made = known.get(identity) ?? leaf(authority, { uris: [identity] });
  known.set(identity, made);
  return made;
}

/** Sends `request` to the proxy's port; `id` names it to the upstream, the address that `opened` is told names it in the access log. */
export async function send(
  request: Request,
  { port, id, opened, authority }: { port: number; id: string; opened: (peer: string) => void; authority: TestAuthority },
): Promise<Answer> {
  const plain = await connected(request.source.address, port);
  const { promise: late, reject: tooLate } = Promise.withResolvers<never>();
  const timer = setTimeout(() => tooLate(new Error('no answer')), longestMs);
  const exchange = async (): Promise<Answer> => {
    opened(`${plain.localAddress}:${plain.localPort}`);
    // A TLS connection over it does not always tell that it went; what it said before is heard first.
    plain.once('close', () => setTimeout(() => tooLate(new Error('closed')), 50));
    const { source, destination } = request;
    const family = source.address.includes(':') ? 'TCP6' : 'TCP4';
    plain.write(
      `PROXY ${family} ${source.address} ${destination.address} ${source.port ?? plain.localPort ?? 0} ${destination.port}\r\n`,
    );
    const socket = request.tls === undefined ? plain : await secured(plain, request, authority);
    if (request.kind === 'tcp') return echo(socket, id);
    return request.version === 'HTTP/2' ? http2(socket, request) : http1(socket, request);
  };
  try {
    return await Promise.race([exchange(), late]);
  } catch (error) {
    return { kind: 'closed', why: error instanceof Error ? error.message : String(error) };
  } finally {
    clearTimeout(timer);
    plain.destroy();
  }
}

/** Below those that the system gives, which gives one again at once: then records of two connections would have one name. */
const sourcePorts = { least: 10_000, count: 22_000 };
let sourcePort = Math.floor(Math.random() * sourcePorts.count);

/** A connection from an address: some conditions look at the socket's own, whatever stands before it says. */
async function connected(localAddress: string, port: number): Promise<Socket> {
  for (let tries = 1; ; tries++) {
    sourcePort = (sourcePort + 1) % sourcePorts.count;
    const socket = connect({ host: '127.0.0.1', port, localAddress, localPort: sourcePorts.least + sourcePort });
    const failed = await once(socket, 'connect').then(
      () => undefined,
      (error: unknown) => error as NodeJS.ErrnoException,
    );
    socket.on('error', () => {});
    if (failed === undefined) return socket.setNoDelay(true);
    // Another run may have it.
    if (failed.code !== 'EADDRINUSE' || tries === sourcePorts.count) throw failed;
  }
}

async function secured(socket: Socket, { tls = {}, source }: Request, authority: TestAuthority): Promise<Socket> {
  const shown = source.identity === undefined ? undefined : await leafOf(authority, source.identity);
  const secure = connectTls({
    socket,
    // Who the proxy is, is no matter here.
    rejectUnauthorized: false,
    ...(tls.sni !== undefined && tls.sni !== '' && { servername: tls.sni }),
    ...(tls.alpn !== undefined && tls.alpn.length > 0 && { ALPNProtocols: [...tls.alpn] }),
    ...(shown && { cert: shown.cert, key: shown.key }),
  });
  // The other end of what is refused may say so only after the handshake.
  secure.on('error', () => {});
  await new Promise<void>((resolve, reject) => {
    secure.once('secureConnect', resolve).once('error', reject);
    secure.once('close', () => reject(new Error('closed in the handshake')));
  });
  return secure;
}

function echo(socket: Socket, id: string): Promise<Answer> {
  return new Promise((resolve) => {
    let text = '';
    socket.on('data', (part: Buffer) => {
      text += part.toString('latin1');
      // Where HTTP is expected, bytes are told so.
      const answer = text.startsWith('HTTP/') ? responseOf(text, '', false) : { kind: 'echo' as const };
      if (answer !== undefined) resolve(answer);
    });
    socket.on('close', () => resolve({ kind: 'closed', why: 'closed' }));
    socket.write(lineOf(id));
  });
}

type HttpRequest = Extract<Request, { kind: 'http' }>;

function http1(socket: Socket, { method, path, version, authority, headers }: HttpRequest): Promise<Answer> {
  const lines = [
    `${method} ${path} ${version}`,
    `host: ${authority}`,
    ...headers.map(([name, value]) => `${name}: ${value}`),
    ...(method === 'POST' || method === 'PUT' ? ['content-length: 0'] : []),
  ];
  return new Promise((resolve) => {
    let text = '';
    const over = (why: string) => resolve(responseOf(text, method, true) ?? { kind: 'closed', why });
    socket.on('data', (part: Buffer) => {
      text += part.toString('latin1');
      const whole = responseOf(text, method, false);
      if (whole !== undefined) resolve(whole);
    });
    socket.on('end', () => over('ended'));
    socket.on('close', () => over('closed'));
    socket.on('error', ({ message }) => over(message));
    socket.write(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
  });
}

/** The response, once all of it is there. */
function responseOf(text: string, method: string, ended: boolean): Answer | undefined {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const [first = '', ...lines] = text.slice(0, end).split('\r\n');
  const status = Number(first.split(' ')[1]);
  if (status === 100) return responseOf(text.slice(end + 4), method, ended);
  const headers = lines.map((line): [string, string] => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  });
  const value = (name: string) => headers.find(([each]) => each === name)?.[1];
  const rest = text.slice(end + 4);
  const response = (body: string): Answer => ({ kind: 'response', status, headers, body });
  if (method === 'HEAD' || status < 200 || status === 204 || status === 304) return response('');
  const length = value('content-length');
  if (length !== undefined) return rest.length >= Number(length) ? response(rest.slice(0, Number(length))) : undefined;
  if (value('transfer-encoding') !== undefined) return rest.endsWith('0\r\n\r\n') ? response(unchunked(rest)) : undefined;
  return ended ? response(rest) : undefined;
}

function unchunked(text: string): string {
  let body = '';
  for (let rest = text; ;) {
    const line = rest.indexOf('\r\n');
    const size = Number.parseInt(rest.slice(0, line), 16);
    if (!(size > 0)) return body;
    body += rest.slice(line + 2, line + 2 + size);
    rest = rest.slice(line + 2 + size + 2);
  }
}

function http2(socket: Socket, { method, path, authority, headers, tls }: HttpRequest): Promise<Answer> {
  const session = connectHttp2(`${tls === undefined ? 'http' : 'https'}://proxy`, { createConnection: () => socket });
  const sent: Record<string, string | string[]> = {
    ':method': method,
    ':path': path,
    ':authority': authority,
    ':scheme': tls === undefined ? 'http' : 'https',
  };
  for (const [name, value] of headers) {
    const before = sent[name.toLowerCase()];
    sent[name.toLowerCase()] = before === undefined ? value : [before, value].flat();
  }
  return new Promise((resolve) => {
    session.on('error', ({ message }) => resolve({ kind: 'closed', why: message }));
    session.on('close', () => resolve({ kind: 'closed', why: 'closed' }));
    const stream = session.request(sent, { endStream: true });
    let body = '';
    let heard: [string, string][] | undefined;
    stream.on('response', (_headers: unknown, _flags: unknown, raw: string[]) => (heard = pairs(raw)));
    stream.on('error', ({ message }) => resolve({ kind: 'closed', why: message }));
    stream.setEncoding('latin1').on('data', (part: string) => void (body += part));
    stream.on('close', () => {
      if (heard === undefined) return resolve({ kind: 'closed', why: `reset ${stream.rstCode}` });
      const status = Number(heard.find(([name]) => name === ':status')?.[1]);
      resolve({ kind: 'response', status, headers: heard.filter(([name]) => !name.startsWith(':')), body });
    });
  });
}
