// The Ingresses that gateways serve: what each asks of them, and the rules of all for a host in one order.

import { computed } from '@preact/signals-core';
import type { IngressClass } from '../api/ingress-class.ts';
import type { Ingress } from '../api/ingress.ts';
import type { MeshConfig } from '../api/mesh-config.ts';
import type { ApiObject } from '../api/object.ts';
import type { Collection } from '../store/collection.ts';
import { family } from '../store/family.ts';
import type { StoreReader } from '../store/reader.ts';
import { objectKey } from '../store/store.ts';
import type { GatewayDeclaration } from './gateway.ts';
import {
  ingressGateway,
  ingressRouteName,
  ingressRules,
  ingressService,
  type IngressService,
  type PortNamed,
} from './ingress.ts';
import type { Route } from './route.ts';

export class IngressIndex {
  readonly #config: MeshConfig;
  readonly #domain: string;
  readonly #portNamed: PortNamed;
  readonly #ingresses: Collection<ApiObject>;
  readonly #classes: Collection<ApiObject>;

  constructor(store: StoreReader, config: MeshConfig, domain: string, portNamed: PortNamed) {
    this.#config = config;
    this.#domain = domain;
    this.#portNamed = portNamed;
    this.#ingresses = store.kind('networking.k8s.io', 'Ingress');
    this.#classes = store.kind('networking.k8s.io', 'IngressClass');
  }

  /** Every Ingress, oldest first, and whether gateways serve it. */
  all(): readonly { readonly object: ApiObject<Ingress>; readonly service: IngressService }[] {
    return (this.#ingresses.all() as unknown as readonly ApiObject<Ingress>[]).map((object) => ({
      object,
      service: ingressService(
        object,
        this.#config,
        (name) => this.#classes.get(`/${name}`) as unknown as ApiObject<IngressClass> | undefined,
      ),
    }));
  }

  readonly #served = computed(() =>
    this.all()
      .filter(({ service }) => service === 'served')
      .map(({ object }) => ({
        object,
        gateway: ingressGateway(object, this.#config),
        rules: ingressRules(object, this.#domain, this.#portNamed),
      })),
  );

  readonly #gateways = computed(
    (): ReadonlyMap<string, GatewayDeclaration> => new Map(this.#served.value.map(({ gateway }) => [nameOf(gateway), gateway])),
  );

  /** What the served ones ask of gateways, by the name that rules bind to. */
  get gateways(): ReadonlyMap<string, GatewayDeclaration> {
    return this.#gateways.value;
  }

  /** The rules of all for each host, in Kubernetes' order: the longest path first, of two alike the exact one, then the older. */
  readonly #routes = computed((): readonly Route[] => {
    const ruled = this.#served.value.flatMap(({ object, gateway, rules }) => rules.map((rule) => ({ ...rule, object, gateway })));
    const groups = Map.groupBy(ruled, ({ host, fallback }) => (fallback ? `${host} behind` : host));
    return [...groups.values()].flatMap((rules): Route[] => {
      const [first] = rules;
      if (first === undefined) return [];
      const { name, namespace } = first.object.metadata;
      return [
        {
          name: ingressRouteName(first.host, name),
          namespace,
          hosts: [first.host],
          gateways: [...new Set(rules.map(({ gateway }) => nameOf(gateway)))],
          visibility: { everyone: true },
          http: rules.toSorted((a, b) => b.length - a.length || Number(b.exact) - Number(a.exact)).map(({ rule }) => rule),
          tls: [],
          tcp: [],
          leftOut: [],
          ...(first.fallback && { fallback: true }),
          object: first.object,
        },
      ];
    });
  });

  readonly #bound = family((gateway): readonly Route[] =>
    this.#routes.value.filter(({ gateways }) => gateways.includes(gateway)),
  );

  get routes(): readonly Route[] {
    return this.#routes.value;
  }

  /** Those behind a gateway's name. */
  routesOf(gateway: string): readonly Route[] {
    return this.#bound(gateway).value;
  }
}

const nameOf = ({ namespace, name }: GatewayDeclaration): string => objectKey(namespace, name);
