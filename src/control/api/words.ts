// Names that a shell completes: what of the mesh a person can write in some place of a command line.

import { kinds } from '../../api/index.ts';
import type { ApiObject } from '../../api/object.ts';
import { meshOf } from '../../compile/compile.ts';
import type { Service, ServicePort } from '../../mesh/service.ts';
import { isWorkload } from '../../explain/workload-node.ts';
import { compareText } from '../../lib/order.ts';
import type { Store } from '../../store/store.ts';
import { podName } from '../workloads.ts';
import type { WordsAnswer, WordsQuery } from './contract.ts';
import { kindsNamed } from './names.ts';

export const wordKinds: readonly WordsQuery['of'][] = ['workloads', 'namespaces', 'objects', 'hosts', 'addresses', 'urls'];

/** The most that anybody looks through; a shell asks again when more is typed. */
const most = 2_000;

/** Sorted, each once, all of them beginning with the prefix. */
export function wordsOf({ of, kind, namespace, prefix = '' }: WordsQuery, store: Store): WordsAnswer {
  const words = new Set(all(of, kind, namespace ?? 'default', namespace, store));
  return [...words]
    .filter((word) => word.startsWith(prefix))
    .sort(compareText)
    .slice(0, most);
}

function all(of: WordsQuery['of'], kind: string | undefined, home: string, within: string | undefined, store: Store): string[] {
  switch (of) {
    case 'namespaces':
      return kinds.flatMap(({ group, kind: each }) =>
        store
          .kind(group, each)
          .all()
          .map(({ kind: is, metadata }) => (is === 'Namespace' ? metadata.name : metadata.namespace))
          .filter((name) => name !== ''),
      );
    case 'objects':
      return kindsNamed(kind ?? '').flatMap(({ group, kind: each, scope }) =>
        store
          .kind(group, each)
          .all()
          .filter(({ metadata }) => scope === 'cluster' || metadata.namespace === home)
          .map(({ metadata }) => metadata.name),
      );
    case 'workloads':
      return workloads(store).flatMap(({ namespace, names }) =>
        namespace === home ? names : within === undefined ? names.map((name) => `${name}.${namespace}`) : [],
      );
    case 'hosts':
      return services(store).flatMap((service) => hostsOf(service, home));
    case 'addresses':
      return services(store).flatMap((service) =>
        service.ports.filter(isStream).flatMap(({ number }) => hostsOf(service, home).map((host) => `${host}:${number}`)),
      );
    case 'urls':
      return services(store)
        .flatMap((service) =>
          service.ports.filter(isHttp).flatMap((port) => hostsOf(service, home).map((host) => urlOf(host, port))),
        )
        .concat(gatewayHosts(store).map((host) => `http://${host}/`));
  }
}

/** What runs, and what makes what runs. */
const workloads = (store: Store): { readonly namespace: string; readonly names: readonly string[] }[] =>
  [
    ['', 'Pod'],
    ['apps', 'Deployment'],
    ['apps', 'StatefulSet'],
  ]
    .flatMap(([group = '', kind = '']): readonly ApiObject[] => store.kind(group, kind).all())
    .filter(isWorkload)
    .map((object) => {
      const { name, namespace } = object.metadata;
      return { namespace, names: object.kind === 'Pod' ? [podName(object).workload, name] : [name] };
    });

/** Names with a `*` stand for others, which nobody lists. */
const services = (store: Store): Service[] =>
  meshOf(store)
    .value.services.all()
    .filter(({ host }) => !host.includes('*'));

/** What is asked of gateways. */
const gatewayHosts = (store: Store): string[] =>
  meshOf(store)
    .value.routes.all()
    .filter(({ gateways }) => gateways.some((gateway) => gateway !== 'mesh'))
    .flatMap(({ hosts }) => hosts.filter((host) => !host.includes('*')));

/** As applications of a namespace write it: the short name of its own services, the name and namespace of others. */
const hostsOf = ({ registry, host, name, namespace }: Service, home: string): string[] =>
  registry === 'External' ? [host] : namespace === home ? [name] : [`${name}.${namespace}`];

const isStream = ({ protocol }: ServicePort): boolean => protocol !== 'UDP';

/** Whatever may be HTTP: declared so, or not declared at all. */
const isHttp = ({ protocol }: ServicePort): boolean =>
  ['HTTP', 'HTTP2', 'GRPC', 'GRPC-Web', 'HTTPS', 'TLS', 'Auto'].includes(protocol);

function urlOf(host: string, { number, protocol }: ServicePort): string {
  const scheme = protocol === 'HTTPS' || protocol === 'TLS' || number === 443 ? 'https' : 'http';
  return `${scheme}://${host}${number === (scheme === 'https' ? 443 : 80) ? '' : `:${number}`}/`;
}
