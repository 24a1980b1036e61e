// How httpbin was started: go-httpbin's flags and environment, or gunicorn's command line as manifests for the older image give it.

import { hostname } from 'node:os';
import { log, refuseToStart } from '../log.ts';
import { parsePort } from '../ports.ts';

/** Whose JSON to speak: go-httpbin's (each header a list of values) or kennethreitz/httpbin's (each a string). */
export type Flavor = 'go' | 'kennethreitz';

export interface Settings {
  readonly flavor: Flavor;
  readonly port: number;
  readonly address: string | undefined;
  /** The longest body taken or made, in bytes. */
  readonly maxBodySize: number;
  /** The longest a request may ask to be kept waiting. */
  readonly maxDurationMs: number;
  /** What `/hostname` says. */
  readonly hostname: string;
}

/** Flags of go-httpbin that change nothing a mesh is tried with. */
const ignored = new Set([
  'log-format',
  'allowed-redirect-domains',
  'exclude-headers',
  'prefix',
  'https-cert-file',
  'https-key-file',
]);
const switches = new Set(['use-real-hostname']);
const known = new Set(['port', 'host', 'max-body-size', 'max-duration', 'flavor', ...ignored, ...switches]);

/** `[-port N] [-host A] [-max-duration 10s] [-max-body-size N] [-use-real-hostname] [-flavor go|kennethreitz]`, or `gunicorn -b HOST:PORT …`. */
export function readSettings(args: readonly string[], env: NodeJS.ProcessEnv): Settings {
  if (args.includes('gunicorn')) return gunicornSettings(args);
  const flags = readFlags(args);
  const flavor = flags.get('flavor') ?? 'go';
  if (flavor !== 'go' && flavor !== 'kennethreitz')
    refuseToStart(`-flavor takes go or kennethreitz, not ${JSON.stringify(flavor)}`);
  const realHostname = flags.has('use-real-hostname') || ['1', 'true'].includes(env['USE_REAL_HOSTNAME'] ?? '');
  return {
    flavor,
    port: parsePort(flags.get('port') ?? env['PORT'], flavor === 'go' ? 8080 : 80),
    address: flags.get('host') ?? env['HOST'],
    maxBodySize: positive('max-body-size', flags.get('max-body-size') ?? env['MAX_BODY_SIZE']) ?? 1024 * 1024,
    maxDurationMs: duration('max-duration', flags.get('max-duration') ?? env['MAX_DURATION']) ?? 10_000,
    hostname: realHostname ? (env['HOSTNAME'] ?? hostname()) : 'go-httpbin',
  };
}

function gunicornSettings(args: readonly string[]): Settings {
  const at = args.findIndex((arg) => arg === '-b' || arg === '--bind' || arg.startsWith('--bind='));
  const bind = args[at]?.startsWith('--bind=') ? args[at].slice('--bind='.length) : args[at + 1];
  const [, host, port] = (at < 0 ? null : /^(.*?):?(\d+)$/.exec(bind ?? '')) ?? [];
  const everywhere = host === undefined || ['', '0.0.0.0', '[::]', '::'].includes(host);
  return {
    flavor: 'kennethreitz',
    port: parsePort(port, 80),
    address: everywhere ? undefined : host.replace(/^\[|\]$/g, ''),
    maxBodySize: 1024 * 1024,
    maxDurationMs: 10_000,
    hostname: hostname(),
  };
}

/** Go's flags: one dash or two, the value after `=` or in the next argument. */
function readFlags(args: readonly string[]): Map<string, string> {
  const flags = new Map<string, string>();
  for (let i = 0; i < args.length; i++) {
    const [, name = '', , value] = /^--?([a-z-]+)(=(.*))?$/.exec(args[i] ?? '') ?? [];
    if (!known.has(name))
      refuseToStart(`unknown argument ${JSON.stringify(args[i])}; known are ${[...known].map((flag) => `-${flag}`).join(', ')}`);
    if (ignored.has(name)) log('info', `-${name} has no effect here`);
    if (value !== undefined) flags.set(name, value);
    else if (switches.has(name)) flags.set(name, 'true');
    else if (i + 1 < args.length) flags.set(name, args[++i] ?? '');
    else refuseToStart(`-${name} needs a value`);
  }
  return flags;
}

function positive(name: string, text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined;
  const value = Number(text);
  return Number.isSafeInteger(value) && value > 0
    ? value
    : refuseToStart(`-${name} takes a whole number above 0, not ${JSON.stringify(text)}`);
}

function duration(name: string, text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined;
  return parseDuration(text) ?? refuseToStart(`-${name} takes a duration such as 10s, not ${JSON.stringify(text)}`);
}

/** Milliseconds from a number of seconds (`1.5`) or a Go duration (`1m30s`, `250ms`); undefined for anything else. */
export function parseDuration(text: string): number | undefined {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000;
  if (!/^(\d+(\.\d+)?(h|ms|m|s))+$/.test(text)) return undefined;
  const unit = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 } as const;
  let total = 0;
  for (const [, amount, , name] of text.matchAll(/(\d+(\.\d+)?)(h|ms|m|s)/g))
    total += Number(amount) * unit[name as keyof typeof unit];
  return total;
}
