// Requests at random: drawn from a scene's own rules, with one condition broken now and then, or from the world's words.

import fc from 'fast-check';
import type { Address, ClientTls, HttpRequest, Request, Source } from '../../../src/explain/request.ts';
import { maybe, often, oneOf, upTo } from './arbitrary.ts';
import { gatewayPorts } from './gateways.ts';
import { issuers } from './tokens.ts';
import { statusHeader } from './upstream.ts';
import {
  addressOf,
  caller,
  hostOf,
  identityOf,
  outside,
  podNamed,
  pods,
  services,
  targetPorts,
  words,
  type PortOf,
  type Scene,
} from './world.ts';

/** What a request is made of, before it is known in which scene: so that either shrinks without the other. */
export interface AskChoice {
  /** Which rule and which of its conditions; undefined: any request. */
  readonly rule: number | undefined;
  readonly match: number;
  /** Which part of it is taken from the words after all. */
  readonly broken: number | undefined;
  readonly path: string;
  readonly query: string;
  readonly method: string;
  readonly host: number;
  readonly hostForm: 'plain' | 'port' | 'wrong port' | 'upper' | 'dot' | 'dot and port' | 'address' | 'short';
  readonly headers: readonly (readonly [string, string])[];
  readonly version: HttpRequest['version'];
  readonly port: number;
  readonly service: number;
  readonly source: string;
  readonly account: number;
  readonly kind: 'http' | 'tcp';
  readonly tls: 'none' | 'mesh' | 'plain';
  readonly sni: number;
  readonly special: 'none' | 'websocket' | 'preflight' | 'grpc' | 'fails' | 'forwarded';
  readonly origin: string;
  /** Where a scene has an EnvoyFilter, which may look at it. */
  readonly claims: HttpRequest['claims'];
}

const header = fc.tuple(oneOf(...words.headers), oneOf(...words.values));

export const askChoice: fc.Arbitrary<AskChoice> = fc.record({
  rule: often<number | undefined>([1, fc.constant(undefined)], [3, fc.nat(7)]),
  match: fc.nat(3),
  broken: maybe(fc.nat(5), 2),
  path: oneOf(...words.paths),
  query: oneOf(...words.queries),
  method: oneOf(...words.methods),
  host: fc.nat(30),
  hostForm: often<AskChoice['hostForm']>(
    [8, fc.constant('plain')],
    [3, fc.constant('port')],
    [1, oneOf('wrong port', 'upper', 'dot', 'dot and port', 'address', 'short')],
  ),
  headers: upTo(2, header),
  version: often<AskChoice['version']>([16, fc.constant('HTTP/1.1')], [4, fc.constant('HTTP/2')], [1, fc.constant('HTTP/1.0')]),
  port: fc.nat(12),
  service: fc.nat(8),
  source: oneOf(...words.sources),
  account: fc.nat(pods.length),
  kind: often<AskChoice['kind']>([7, fc.constant('http')], [1, fc.constant('tcp')]),
  tls: often<AskChoice['tls']>([3, fc.constant('none')], [2, fc.constant('mesh')], [1, fc.constant('plain')]),
  sni: fc.nat(9),
  special: often<AskChoice['special']>(
    [8, fc.constant('none')],
    [1, oneOf('websocket', 'preflight', 'grpc', 'forwarded')],
    [1, fc.constant('fails')],
  ),
  origin: oneOf(...words.origins),
  claims: often<HttpRequest['claims']>(
    [1, fc.constant(undefined)],
    [
      2,
      oneOf<object>(
        { iss: issuers.first, sub: 'ann' },
        { iss: issuers.first, sub: 'bob', aud: 'web', nested: { name: 'ann' } },
        { iss: issuers.first, sub: 'bob', aud: ['web', 'other'], groups: ['x', 'ann'] },
        { iss: issuers.first, aud: 'other' },
        { iss: issuers.second, sub: 'ann', groups: 'ann' },
        { iss: 'https://third.example', sub: 'ann' },
        { sub: 'ann' },
      ).map((claims) => claims as HttpRequest['claims']),
    ],
  ),
});

type Match = Readonly<Record<string, unknown>>;

interface Rule {
  readonly host: string;
  readonly match: Match;
}

interface HttpRules {
  readonly match?: readonly Match[];
  readonly delegate?: { readonly name: string };
}

/** Every condition of every HTTP rule, its own or one that it hands over to, with a host of its VirtualService; and of every path of an Ingress. */
function rulesOf({ documents }: Scene): Rule[] {
  const handedTo = (name: string) =>
    documents.flatMap(({ kind, metadata, spec }) =>
      kind === 'VirtualService' && (metadata as { name: string }).name === name ? (spec as { http: HttpRules[] }).http : [],
    );
  const conditions = ({ match = [{}], delegate }: HttpRules): readonly Match[] =>
    delegate === undefined
      ? match
      : match.flatMap((outer) =>
          handedTo(delegate.name).flatMap(({ match: inner = [{}] }) => inner.map((each) => ({ ...outer, ...each }))),
        );
  return documents.flatMap(({ kind, spec }) => {
    if (kind === 'VirtualService') {
      const { hosts = [], http = [] } = spec as { hosts?: string[]; http?: HttpRules[] };
      return http.flatMap((rules) => conditions(rules).flatMap((match) => hosts.map((host) => ({ host, match }))));
    }
    if (kind !== 'Ingress') return [];
    const { rules = [] } = spec as { rules?: { host?: string; http: { paths: { path: string; pathType: string }[] } }[] };
    return rules.flatMap(({ host = 'nobody.test', http: { paths } }) =>
      paths.map(({ path, pathType }) => ({ host, match: { uri: pathType === 'Exact' ? { exact: path } : { prefix: path } } })),
    );
  });
}

const at = <Value>(list: readonly Value[], index: number): Value | undefined => list[index % Math.max(list.length, 1)];

const snis = [
  'secure.example',
  'shop.example',
  'shop.example',
  'api.ext.example',
  'www.ext.example',
  'SHOP.example',
  'nobody.test',
  '',
];

/** The request that a choice means in a scene. */
export function askOf(scene: Scene, chosen: AskChoice): Request {
  const rules = rulesOf(scene);
  const rule = chosen.rule === undefined ? undefined : at(rules, chosen.rule * 4 + chosen.match);
  // Rules are for HTTP.
  const choice: AskChoice = rule === undefined ? chosen : { ...chosen, kind: 'http' };
  const host = hostFor(scene, rule, choice);
  const connection = connectionFor(scene, choice, { host, rule: rule !== undefined && choice.broken !== 5 ? rule : undefined });
  if (choice.kind === 'tcp') return { kind: 'tcp', ...connection };
  const kept = (part: number): boolean => rule !== undefined && choice.broken !== part;
  const uri = kept(0) ? sample(rule?.match['uri']) : undefined;
  const method = (kept(1) ? sample(rule?.match['method']) : undefined) ?? choice.method;
  const query = (kept(3) ? queryFor(rule?.match['queryParams']) : undefined) ?? choice.query;
  const path = (uri === undefined || uri === '' ? choice.path : uri).replaceAll('?', '');
  const headers: [string, string][] = [
    ...(kept(2) ? headersFor(rule?.match['headers']) : []),
    ...choice.headers.map((each): [string, string] => [...each]),
  ];
  const authority =
    (kept(4) ? sample(rule?.match['authority']) : undefined) ?? authorityFor(host, connection.destination, choice.hostForm);
  return {
    kind: 'http',
    ...connection,
    version: choice.version,
    ...special(choice, {
      method: method === '' ? 'GET' : method,
      headers: choice.version === 'HTTP/2' ? once(headers) : headers,
    }),
    authority: authority === '' ? 'reviews' : authority,
    path: `${path}${query}`,
    ...(choice.claims && scene.documents.some(({ kind: of }) => of === 'EnvoyFilter') && { claims: choice.claims }),
  };
}

/** Clients of HTTP/2 send a content type once, and no cookie that is none. */
const once = (headers: readonly [string, string][]): [string, string][] =>
  headers
    .filter(([name, value]) => name !== 'cookie' || value !== '')
    .filter(([name], index) => name !== 'content-type' || headers.findIndex(([each]) => each === name) === index);

function special({ special: kind, origin, version }: AskChoice, plain: { method: string; headers: [string, string][] }) {
  const { method, headers } = plain;
  const without = (name: string) => headers.filter(([each]) => each !== name);
  switch (kind) {
    case 'websocket':
      return version === 'HTTP/1.1'
        ? { method: 'GET', headers: [...headers, ['connection', 'Upgrade'] as const, ['upgrade', 'websocket'] as const] }
        : plain;
    case 'preflight':
      return {
        method: 'OPTIONS',
        headers: [...headers, ['origin', origin] as const, ['access-control-request-method', 'GET'] as const],
      };
    case 'grpc':
      return { method: 'POST', headers: [...without('content-type'), ['content-type', 'application/grpc'] as const] };
    case 'fails':
      return { method, headers: [...headers, [statusHeader, at(['503', '409', '500', '502'], origin.length) ?? ''] as const] };
    case 'forwarded':
      return {
        method,
        headers: [...headers, ['x-forwarded-for', '10.0.0.77'] as const, ['x-forwarded-proto', 'https'] as const],
      };
    case 'none':
      return plain;
  }
}

function hostFor(scene: Scene, rule: Rule | undefined, choice: AskChoice): string {
  if (rule !== undefined) return concrete(rule.host, choice.host);
  const own = services.flatMap((service) => [service.name, `${service.name}.${service.namespace}`, hostOf(service)]);
  const names =
    scene.side === 'gateway'
      ? ['shop.example', 'secure.example', 'other.test', ...outside]
      : [...own, ...outside, 'shop.example', 'nobody.test'];
  return at(names, choice.host) ?? 'reviews';
}

const known = [...services.map(hostOf), ...outside, 'shop.example', 'secure.example', 'www.example'];

/** A host that a pattern is for. */
function concrete(host: string, which: number): string {
  if (!host.startsWith('*')) return host;
  return (
    at(
      known.filter((each) => each.endsWith(host.slice(1))),
      which,
    ) ?? `www${host.slice(1)}`
  );
}

function authorityFor(host: string, { address, port }: Address, form: AskChoice['hostForm']): string {
  switch (form) {
    case 'plain':
      return host;
    case 'port':
      return `${host}:${port}`;
    case 'wrong port':
      return `${host}:${port + 1}`;
    case 'upper':
      return host.toUpperCase();
    case 'dot':
      return `${host}.`;
    case 'dot and port':
      return `${host}.:${port}`;
    case 'address':
      return `${address}:${port}`;
    case 'short':
      return host.replace(/\.cluster\.local$/, '');
  }
}

type Connection = Pick<HttpRequest, 'entry' | 'destination' | 'source' | 'tls'>;

interface Goal {
  readonly host: string;
  /** The HTTP rule that the request is meant for, if it is for one. */
  readonly rule: Rule | undefined;
}

function connectionFor(scene: Scene, choice: AskChoice, goal: Goal): Connection {
  switch (scene.side) {
    case 'outbound':
      return { entry: 'outbound', ...outward(choice, goal) };
    case 'inbound':
      return { entry: 'inbound', ...inward(scene, choice) };
    case 'gateway':
      return throughDoor(scene, choice, goal);
  }
}

const serviceOf = (host: string) =>
  services.find((each) => [each.name, `${each.name}.${each.namespace}`, hostOf(each)].includes(host));

const isHttp = ({ name }: PortOf): boolean => !/^(?:tcp|tls|https)/.test(name);

function outward(choice: AskChoice, { host, rule }: Goal): Omit<Connection, 'entry'> {
  const service = serviceOf(host) ?? (host.startsWith('www.') ? at(services, choice.service) : undefined);
  const named = (service?.ports ?? []).filter((each) => rule === undefined || isHttp(each)).map(({ port }) => port);
  const ports =
    rule === undefined ? [...named, ...named, ...named, 80, 443, 9080, 8000, 9001] : named.length > 0 ? named : [80, 9080, 8000];
  const matched = rule?.match['port'];
  const port = typeof matched === 'number' ? matched : (at(ports, choice.port) ?? 80);
  const external = (outside as readonly string[]).includes(host);
  const address = external ? (host === 'tcp.ext.example' ? '127.97.0.1' : addressOf(host)) : (service?.clusterIP ?? '127.99.0.1');
  const destination: Address = { address, port };
  const speaksTls =
    rule === undefined &&
    (choice.tls === 'plain' || (choice.kind === 'tcp' && choice.tls === 'mesh') || port === 443 || port === 9443);
  const tls: ClientTls | undefined = speaksTls
    ? { sni: at([host, ...snis], choice.sni) ?? '', alpn: at([['http/1.1'], ['h2', 'http/1.1'], []], choice.match) ?? [] }
    : undefined;
  return { destination, source: { address: caller.ip }, ...(tls && { tls: version(tls, choice) }) };
}

function inward({ pod }: Scene, choice: AskChoice): Omit<Connection, 'entry'> {
  const { ip, app, namespace } = podNamed(pod);
  const own = services.find((each) => each.name === app && each.namespace === namespace)?.ports ?? [];
  const port =
    at([...own.map(({ targetPort }) => targetPort), ...own.map(({ targetPort }) => targetPort), targetPorts.auto], choice.port) ??
    targetPorts.http;
  const who = at(pods, choice.account) ?? caller;
  const source: Source = { address: choice.source, ...(choice.tls === 'mesh' && { identity: identityOf(who) }) };
  const sni = at([`outbound_.9080_._.${app}.${namespace}.svc.cluster.local`, ...snis], choice.sni) ?? '';
  const http = choice.kind === 'http';
  const mesh: ClientTls = {
    sni,
    alpn: http
      ? choice.version === 'HTTP/2'
        ? ['istio-h2', 'istio', 'h2']
        : ['istio-http/1.1', 'istio', 'http/1.1']
      : ['istio-peer-exchange', 'istio'],
  };
  const plain: ClientTls = { sni, alpn: at([['http/1.1'], ['h2', 'http/1.1'], []], choice.match) ?? [] };
  return {
    destination: { address: ip, port },
    source,
    ...(choice.tls !== 'none' && { tls: choice.tls === 'mesh' ? mesh : version(plain, choice) }),
  };
}

function throughDoor({ documents }: Scene, choice: AskChoice, { host, rule }: Goal): Connection {
  const servers = documents.flatMap(({ kind, spec }) =>
    kind === 'Gateway'
      ? (spec as { servers: { port: { number: number; protocol: string } }[] }).servers.map(({ port }) => port)
      : [],
  );
  const open = servers.filter(({ protocol }) => rule === undefined || protocol.startsWith('HTTP'));
  const { number: port, protocol } = at(choice.account === 0 ? [] : open, choice.port) ?? {
    number: at(Object.values(gatewayPorts), choice.port) ?? 80,
    protocol: '',
  };
  const secure =
    protocol === '' ? port === gatewayPorts.https || port === gatewayPorts.tls : protocol === 'HTTPS' || protocol === 'TLS';
  const who = at(pods, choice.account) ?? caller;
  const sni = rule === undefined ? (at(snis, choice.sni) ?? '') : host;
  return {
    entry: { port },
    destination: { address: '127.1.8.1', port },
    source: { address: choice.source, ...(choice.tls === 'mesh' && { identity: identityOf(who) }) },
    ...(secure && { tls: version({ sni, alpn: at([['http/1.1'], ['h2', 'http/1.1'], []], choice.match) ?? [] }, choice) }),
  };
}

/** Clients offer what they then speak. */
const version = (tls: ClientTls, choice: AskChoice): ClientTls =>
  choice.kind === 'tcp'
    ? tls
    : { ...tls, alpn: choice.version === 'HTTP/2' ? ['h2'] : (tls.alpn ?? []).filter((name) => name !== 'h2') };

/** Text that a StringMatch takes; undefined where there is none. */
function sample(match: unknown): string | undefined {
  if (match === null || typeof match !== 'object') return undefined;
  const { exact, prefix, regex } = match as Record<string, string | undefined>;
  if (exact !== undefined) return exact;
  if (prefix !== undefined) return whole[prefix] ?? `${prefix}${prefix.length % 2 === 0 ? 'b' : ''}`;
  return regex === undefined ? undefined : samples[regex];
}

/** Methods and hosts that there are. */
const whole: Readonly<Record<string, string>> = {
  P: 'PATCH',
  G: 'GET',
  re: 'reviews',
  api: 'api.ext.example',
  shop: 'shop.example',
};

/** What the world's patterns match. */
const samples: Readonly<Record<string, string>> = {
  '/a.*': '/a/b',
  '/api/v[0-9]+(/.*)?': '/api/v2/x',
  '/(a|b)': '/b',
  '.*b': '/a/b',
  '/[A-Z]+': '/A',
  '/a/?': '/a/',
  '(?i)/A.*': '/aB',
  '/a%2Fb': '/a%2Fb',
  'a.*': 'anna',
  'ann|bob': 'bob',
  'v\\d': 'v2',
  '.*': 'anything',
  '^$': '',
  '.*user=ann.*': 'user=ann; x=1',
  '\\d+': '12',
  '1?': '1',
  'GET|HEAD': 'HEAD',
  'P.*': 'PUT',
  'https?': 'http',
  '.*example.*': 'shop.example',
  'reviews.*': 'reviews.default',
};

function headersFor(matches: unknown): [string, string][] {
  if (matches === null || typeof matches !== 'object') return [];
  return Object.entries(matches as Record<string, unknown>).flatMap(([name, match]): [string, string][] =>
    name.startsWith(':') ? [] : [[name, sample(match) ?? 'present']],
  );
}

function queryFor(matches: unknown): string | undefined {
  if (matches === null || typeof matches !== 'object') return undefined;
  const parts = Object.entries(matches as Record<string, unknown>).map(([name, match]) => `${name}=${sample(match) ?? ''}`);
  return parts.length === 0 ? undefined : `?${parts.join('&')}`;
}
