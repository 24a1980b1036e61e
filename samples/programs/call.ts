// How one Bookinfo service calls another: the headers that must travel along, a deadline, a JSON answer.

import { request as httpRequest, Agent, type IncomingHttpHeaders } from 'node:http';
import { request as httpsRequest } from 'node:https';

/**
 * What a service hands on from the request it is answering: a proxy can join the spans of one trace, and rules can match on the user
 * deep in the call tree, only if the application carries these from its inbound to its outbound requests.
 */
const propagated = [
  'x-request-id',
  // W3C trace context
  'traceparent',
  'tracestate',
  // Zipkin's B3, in several headers and in one
  'x-b3-traceid',
  'x-b3-spanid',
  'x-b3-parentspanid',
  'x-b3-sampled',
  'x-b3-flags',
  'b3',
  // Lightstep, Datadog, Google Cloud, SkyWalking
  'x-ot-span-context',
  'x-datadog-trace-id',
  'x-datadog-parent-id',
  'x-datadog-sampling-priority',
  'x-cloud-trace-context',
  'grpc-trace-bin',
  'sw8',
  // the application's own
  'end-user',
  'user-agent',
  'cookie',
  'authorization',
  'jwt',
] as const;

/** The headers of an outbound request, taken from the inbound one it serves. */
export function propagate(inbound: IncomingHttpHeaders): Record<string, string> {
  const outbound: Record<string, string> = {};
  for (const name of propagated) {
    const value = inbound[name];
    if (value !== undefined) outbound[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return outbound;
}

/** The base URL of another Bookinfo service, from the environment upstream's images read: `DETAILS_HOSTNAME`, `DETAILS_SERVICE_PORT`, `SERVICES_DOMAIN`. */
export function serviceUrl(name: 'details' | 'ratings' | 'reviews', env: NodeJS.ProcessEnv = process.env): string {
  const upper = name.toUpperCase();
  const domain = env['SERVICES_DOMAIN'] ? `.${env['SERVICES_DOMAIN']}` : '';
  return `http://${env[`${upper}_HOSTNAME`] || name}${domain}:${env[`${upper}_SERVICE_PORT`] || '9080'}`;
}

export interface Answer {
  readonly status: number;
  /** The parsed body; undefined where it was not JSON. */
  readonly json: unknown;
}

const longestBody = 4 * 1024 * 1024;

// A connection per call: one that was kept could be half closed by a draining proxy, and that would show as an error that is not there.
const agent = new Agent({ keepAlive: false });

/** GETs a JSON document within `timeoutMs` for the whole exchange; undefined when there was no answer. */
export function getJson(url: string, headers: Readonly<Record<string, string>>, timeoutMs: number): Promise<Answer | undefined> {
  return new Promise((resolve) => {
    const secure = url.startsWith('https:');
    const signal = AbortSignal.timeout(timeoutMs);
    const fail = (): void => resolve(undefined);
    try {
      const call = (secure ? httpsRequest : httpRequest)(url, { headers, signal, ...(secure ? {} : { agent }) }, (response) => {
        const chunks: Buffer[] = [];
        let length = 0;
        response.on('data', (chunk: Buffer) => {
          length += chunk.length;
          if (length > longestBody) response.destroy(new Error('the answer is too long'));
          else chunks.push(chunk);
        });
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, json: parseJson(Buffer.concat(chunks).toString()) }),
        );
        response.on('error', fail);
      });
      call.on('error', fail);
      call.end();
    } catch {
      // A host name from the environment that is no host name.
      fail();
    }
  });
}

/** The value of a JSON text; undefined where it is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
