// What a workload may call, as its Sidecar says it: the hosts of each egress listener, with namespaces resolved, in one form that is
// equal for all who may call the same.

import { createHash } from 'node:crypto';
import { refOf, refText, type ApiObject, type Path } from '../api/object.ts';
import type { IstioEgressListener, Sidecar } from '../api/sidecar.ts';
import { portNumbered, type Service } from './service.ts';
import { coversHost, hostsOverlap } from './hostname.ts';
import { protocolNamed, type Protocol } from './protocol.ts';
import type { Route } from './route.ts';

/** `namespace/host` of an egress listener; `*` is every namespace. */
export interface HostImport {
  readonly namespace: string;
  readonly host: string;
}

/** Where an egress listener is, if it says so. */
export interface EgressPlace {
  /** 0: a Unix socket has no port. */
  readonly port: number;
  readonly protocol: Protocol;
  /** An address, or the path of a Unix socket (`unix:///…`); empty: all addresses. */
  readonly bind: string;
  /** Nothing is redirected to it: applications dial it. */
  readonly dialled: boolean;
  readonly object: ApiObject<unknown>;
  readonly path: Path;
}

/** One egress listener: its hosts are called there and nowhere else. */
export interface Egress {
  readonly imports: readonly HostImport[];
  /** What none of the imports brings. */
  readonly excluded: readonly HostImport[];
  /** Undefined: wherever the services are that no listener before it has taken the port of. */
  readonly place: EgressPlace | undefined;
  /** Equal texts, equal listeners. */
  readonly text: string;
}

/** The egress of a Sidecar for the workloads of one namespace. */
export interface Scope {
  readonly egress: readonly Egress[];
  readonly text: string;
}

/** Who looks: a namespace, and through what. Without a scope it sees all that is exported to it. */
export interface Caller {
  readonly namespace: string;
  readonly scope: Scope | undefined;
  /** The listener of the scope that is looked through; undefined: all of them, and what their rules lead to. */
  readonly egress: Egress | undefined;
}

/** Callers of equal texts see the same. */
export const callerText = ({ namespace, scope, egress }: Caller): string =>
  scope === undefined ? namespace : `${namespace}\n${scope.text}\n${egress?.text ?? ''}`;

/** The scope that a Sidecar gives to a namespace's workloads, or undefined where it leaves them everything. */
export function scopeOf(sidecar: ApiObject<Sidecar>, namespace: string): Scope | undefined {
  const listeners = sidecar.body.spec.egress ?? [];
  const egress = listeners.map((listener, index) =>
    egressOf(listener, namespace, placeOf(listener, sidecar, ['spec', 'egress', index])),
  );
  const [only] = egress;
  if (only === undefined || (egress.length === 1 && only.text === everything)) return undefined;
  return { egress, text: digest(egress.map(({ text }) => text).join('|')) };
}

const everything = '*/*';

/** Texts of scopes are parts of many keys, and lists of hosts are long. */
const digest = (text: string): string => createHash('sha256').update(text).digest('base64url');

function placeOf({ port, bind = '', captureMode }: IstioEgressListener, object: ApiObject<unknown>, path: Path) {
  if (port === undefined && bind === '') return undefined;
  return {
    port: port?.number ?? 0,
    protocol: protocolNamed(port?.protocol) ?? 'Auto',
    bind,
    dialled: captureMode === 'NONE' || bind.startsWith('unix:'),
    object,
    path,
  } satisfies EgressPlace;
}

function egressOf({ hosts }: IstioEgressListener, namespace: string, place: EgressPlace | undefined): Egress {
  const imports: HostImport[] = [];
  const excluded: HostImport[] = [];
  for (const text of hosts) {
    const [where = '', host = ''] = text.split('/');
    // `~` alone is no namespace at all: such an import brings nothing.
    if (where === '~') continue;
    const leavesOut = where.startsWith('~');
    const named = leavesOut ? where.slice(1) : where;
    (leavesOut ? excluded : imports).push({ namespace: named === '.' ? namespace : named, host });
  }
  const textOf = (list: readonly HostImport[]) => [...new Set(list.map((one) => `${one.namespace}/${one.host}`))].sort().join();
  const parts = [textOf(imports), ...(excluded.length > 0 ? [`~${textOf(excluded)}`] : [])];
  if (place !== undefined) {
    const { port, protocol, bind, dialled, object } = place;
    parts.push(`${port} ${protocol} ${bind} ${dialled} ${refText(refOf(object))}`);
  }
  const text = parts.join(' ');
  return { imports, excluded, place, text: text === everything ? text : digest(text) };
}

const isIn = (namespace: string, one: HostImport): boolean => one.namespace === '*' || one.namespace === namespace;

/** Whether a listener brings a service: to one with a port only services that have the port come. */
export function importsService(egress: Egress, service: Service): boolean {
  const { namespace, host } = service;
  const means = (one: HostImport) => isIn(namespace, one) && coversHost(one.host, host);
  if (!egress.imports.some(means) || egress.excluded.some(means)) return false;
  const port = onlyPort(egress);
  return port === undefined || portNumbered(service, port) !== undefined;
}

/** The port that a listener is for; a Unix socket is for all. */
export const onlyPort = ({ place }: Egress): number | undefined => place?.port || undefined;

/** Whether a listener brings an object's rules: one of their hosts is enough, and a wildcard may be on either side (Istio's rule). */
function importsRoute({ imports, excluded }: Egress, { namespace, hosts }: Route): boolean {
  const here = imports.filter((one) => isIn(namespace, one));
  const out = excluded.filter((one) => isIn(namespace, one));
  return hosts.some((host) => here.some((one) => hostsOverlap(one.host, host)) && !out.some((one) => coversHost(one.host, host)));
}

/** Whether a caller follows an object's rules, as far as its scope says. */
export const admitsRoute = ({ scope, egress }: Caller, route: Route): boolean =>
  scope === undefined ||
  (egress === undefined ? scope.egress.some((one) => importsRoute(one, route)) : importsRoute(egress, route));
