// Which PeerAuthentications and AuthorizationPolicies are for a namespace or a workload; in the normal form, beside routes and policies.

import type { AuthorizationPolicy } from '../api/authorization-policy.ts';
import type { ApiObject } from '../api/object.ts';
import type { PeerAuthentication } from '../api/peer-authentication.ts';
import type { Index } from '../store/collection.ts';
import { family } from '../store/family.ts';
import type { StoreReader } from '../store/reader.ts';
import { byAge } from '../store/store.ts';
import { namespaceMode, workloadAuthentication, type ModeDecision, type WorkloadAuthentication } from './authentication.ts';
import { authorization, type Authorization } from './authorization.ts';
import { matchesLabels, type Labels } from './labels.ts';

const security = 'security.istio.io';

const typed = (objects: readonly ApiObject[]) => objects as unknown as readonly ApiObject<PeerAuthentication>[];

export class SecurityIndex {
  readonly #store: StoreReader;
  readonly #root: string;
  readonly #authorizations: Index<Authorization>;

  constructor(store: StoreReader, rootNamespace: string) {
    this.#store = store;
    this.#root = rootNamespace;
    this.#authorizations = store
      .kind(security, 'AuthorizationPolicy')
      .derive<Authorization>(
        (a, b) => byAge(a.object as ApiObject, b.object as ApiObject),
        (object, key) => [[key, authorization(object as unknown as ApiObject<AuthorizationPolicy>)]],
      )
      .index((policy) => [policy.object.metadata.namespace]);
  }

  #peerAuthentications(): readonly ApiObject<PeerAuthentication>[] {
    return typed(this.#store.kind(security, 'PeerAuthentication').all());
  }

  #peerAuthenticationsIn(namespace: string): readonly ApiObject<PeerAuthentication>[] {
    return typed(this.#store.inNamespace(security, 'PeerAuthentication', namespace));
  }

  /** Those of the root namespace, and of another namespace by themselves. */
  #forNamespace(namespace: string) {
    return [
      this.#peerAuthenticationsIn(this.#root),
      namespace === this.#root ? [] : this.#peerAuthenticationsIn(namespace),
    ] as const;
  }

  readonly #namespaceMode = family((namespace): ModeDecision => namespaceMode(...this.#forNamespace(namespace)));

  /** The mutual TLS mode that callers assume of a namespace's services. */
  namespaceMode(namespace: string): ModeDecision {
    return this.#namespaceMode(namespace).value;
  }

  workloadAuthentication(namespace: string, labels: Labels): WorkloadAuthentication {
    return workloadAuthentication(...this.#forNamespace(namespace), labels);
  }

  /** Policies of the root namespace that select a workload, which they cannot do from there. */
  idlePeerAuthentications(labels: Labels): readonly ApiObject<PeerAuthentication>[] {
    return this.#peerAuthenticationsIn(this.#root).filter(({ body }) => {
      const { matchLabels = {} } = body.spec?.selector ?? {};
      return Object.keys(matchLabels).length > 0 && matchesLabels(matchLabels, labels);
    });
  }

  /** AuthorizationPolicies for a workload: the root namespace's, then its own namespace's, oldest first in each. */
  authorizationPolicies(namespace: string, labels: Labels): readonly Authorization[] {
    const namespaces = namespace === this.#root ? [namespace] : [this.#root, namespace];
    return namespaces
      .flatMap((where) => this.#authorizations.get(where))
      .filter(({ object }) => {
        const { selector, targetRef, targetRefs } = object.body.spec ?? {};
        return matchesLabels(selector?.matchLabels ?? {}, labels) && targetRef === undefined && (targetRefs ?? []).length === 0;
      });
  }

  /** The labels that each of these objects selects workloads by. */
  get selectors(): readonly (Labels | undefined)[] {
    const policies = this.#store
      .kind(security, 'AuthorizationPolicy')
      .all() as unknown as readonly ApiObject<AuthorizationPolicy>[];
    return [...this.#peerAuthentications(), ...policies].map(({ body }) => body.spec?.selector?.matchLabels);
  }
}
