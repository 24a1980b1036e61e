// Real route tables of hosts that answer by themselves: what tests of tables that are sent apart serve.

import { routeTable } from '../../../src/compile/route/table.ts';
import { virtualHostPiece } from '../../../src/compile/route/virtual-host.ts';
import type { Resource } from '../../../src/compile/resource.ts';

export interface TestHost {
  /** Default: the name. */
  readonly domains?: readonly string[];
  /** Default: `NAME 1`. */
  readonly answer?: string;
  /** Where requests go instead of being answered. */
  readonly cluster?: string;
  /** Envoy refuses it. */
  readonly broken?: boolean;
}

export type TestHosts = Readonly<Record<string, TestHost>>;

function routeOf(name: string, { answer = `${name} 1`, cluster, broken }: TestHost) {
  const match = broken
    ? { pathSpecifier: { case: 'safeRegex' as const, value: { regex: '(?P<x>' } } }
    : { pathSpecifier: { case: 'prefix' as const, value: '/' } };
  const body = { specifier: { case: 'inlineString' as const, value: answer } };
  return {
    match,
    action:
      cluster === undefined
        ? { case: 'directResponse' as const, value: { status: 200, body } }
        : { case: 'route' as const, value: { clusterSpecifier: { case: 'cluster' as const, value: cluster } } },
  };
}

const pieceOf = (name: string, domains: readonly string[], host: TestHost) =>
  virtualHostPiece({ name, domains: [...domains], routes: [routeOf(name, host)] }, [
    { object: { group: 'networking.istio.io', kind: 'VirtualService', namespace: 'a', name }, path: [] },
  ]);

/** What none of the hosts has is answered with `rest`. */
export const testTable = (name: string, hosts: TestHosts): Resource =>
  routeTable(name, { validateClusters: false }, [
    ...Object.entries(hosts).map(([host, more]) => pieceOf(host, more.domains ?? [host], more)),
    pieceOf('rest', ['*'], { answer: 'rest' }),
  ]);

/** `s0`, `s1` and so on, each of which answers with its name and a version. */
export const manyHosts = (count: number, version = 1): TestHosts =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`s${index}`, { answer: `s${index} ${version}` }]));
