// How a probe asks: HTTP, TCP, gRPC health or a command, from the sandbox's own address as a kubelet would. Used by container.ts.

import { request as httpRequest, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import { connectGrpc } from '../lib/grpc/client.ts';
import type { Ran } from '../node/redirect/apply.ts';
import { nodeAddress } from './addresses.ts';
import type { ContainerPort, HttpGet, ProbeSpec } from './kubernetes.ts';
import type { ProbeCheck } from './probe.ts';

export interface ProbeTarget {
  readonly address: string;
  readonly ports: readonly ContainerPort[];
  /** Runs a command as the container would; resolves with its code. */
  readonly exec: (command: readonly string[], timeoutMs: number) => Promise<Ran>;
}

/** The check that a probe names. A probe that names none, or a port that is not there, fails with that text. */
export function probeCheck(spec: ProbeSpec, target: ProbeTarget): ProbeCheck {
  const { httpGet: http, tcpSocket: tcp, exec, grpc } = spec;
  if (http !== undefined) return (timeoutMs) => checkHttp(http, target, timeoutMs);
  if (tcp !== undefined) {
    const port = portOf(tcp.port, target.ports);
    return (timeoutMs) => (port === undefined ? noPort(tcp.port) : checkTcp(tcp.host ?? target.address, port, timeoutMs));
  }
  if (grpc !== undefined) return (timeoutMs) => checkGrpc(target.address, grpc, timeoutMs);
  if (exec !== undefined) {
    return async (timeoutMs) => {
      const { code, stderr } = await target.exec(exec.command ?? [], timeoutMs);
      return code === 0 ? undefined : `exit code ${code}${stderr === '' ? '' : `: ${stderr.trim().slice(0, 200)}`}`;
    };
  }
  return () => Promise.resolve('the probe names no check');
}

/** A port by number or by the name it has in the container. */
export function portOf(port: number | string, ports: readonly ContainerPort[]): number | undefined {
  if (typeof port === 'number') return port;
  const named = ports.find(({ name }) => name === port)?.containerPort;
  return named ?? (/^\d+$/.test(port) ? Number(port) : undefined);
}

const noPort = (port: number | string): Promise<string> => Promise.resolve(`the container has no port ${port}`);

/** Any answer from 200 to 399 is a success, as for a kubelet; certificates are not checked. */
export function checkHttp(
  get: HttpGet,
  target: Pick<ProbeTarget, 'address' | 'ports'>,
  timeoutMs: number,
): Promise<string | undefined> {
  const port = portOf(get.port, target.ports);
  if (port === undefined) return noPort(get.port);
  const headers: Record<string, string> = { 'user-agent': 'kube-probe/lateen', accept: '*/*', connection: 'close' };
  for (const { name, value } of get.httpHeaders ?? []) headers[name.toLowerCase()] = value;
  const options: RequestOptions & { rejectUnauthorized: boolean } = {
    host: get.host ?? target.address,
    port,
    path: get.path ?? '/',
    headers,
    localAddress: nodeAddress,
    agent: false,
    rejectUnauthorized: false,
    signal: AbortSignal.timeout(timeoutMs),
  };
  const send = get.scheme?.toUpperCase() === 'HTTPS' ? httpsRequest : httpRequest;
  return new Promise((resolve) => {
    const sent = send(options, (response) => {
      // Only the status counts; a body that never ends must not hold anything up.
      response.destroy();
      const status = response.statusCode ?? 0;
      resolve(status >= 200 && status < 400 ? undefined : `HTTP status ${status}`);
    });
    sent.once('error', (error) =>
      resolve(error.name === 'AbortError' || error.name === 'TimeoutError' ? 'timed out' : error.message),
    );
    sent.end();
  });
}

/** The standard health service (grpc.health.v1.Health): two messages of one field each, so small that they are written here. */
async function checkGrpc(
  host: string,
  { port, service = '' }: { readonly port: number; readonly service?: string },
  timeoutMs: number,
): Promise<string | undefined> {
  // The route to a pod gives connections the address that probes are to come from.
  await using client = await connectGrpc({ host, port }, { connectTimeoutMs: timeoutMs });
  const name = Buffer.from(service).subarray(0, 127);
  const request = name.length === 0 ? name : Buffer.concat([Buffer.from([0x0a, name.length]), name]);
  const answer = await client.unary('/grpc.health.v1.Health/Check', request, { timeoutMs });
  const serving = 1;
  return answer[0] === 0x08 && answer[1] === serving
    ? undefined
    : `the health service says ${answer[1] ?? 'unknown'}, not serving`;
}

function checkTcp(host: string, port: number, timeoutMs: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, localAddress: nodeAddress, timeout: timeoutMs });
    const end = (failure?: string) => {
      socket.destroy();
      resolve(failure);
    };
    socket.once('connect', () => end());
    socket.once('timeout', () => end('timed out'));
    socket.once('error', (error) => end(error.message));
  });
}
