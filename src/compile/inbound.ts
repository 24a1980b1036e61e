// Everything inbound for a class of sidecars: the clusters and the listeners before its own application.

import { computed, type ReadonlySignal } from '@preact/signals-core';
import { tcpRbac, httpRbac } from '../filters/rbac/rbac.ts';
import { isHttp } from '../mesh/protocol.ts';
import type { ModeDecision } from '../mesh/authentication.ts';
import { diagnose, type Diagnostic } from '../api/diagnostic.ts';
import type { ApiObject } from '../api/object.ts';
import { inboundPassthrough, inboundPortCluster } from './cluster/inbound.ts';
import { inboundListeners } from './listener/inbound.ts';
import { ingressDiagnostics, ingressPorts, ingressSecrets, inboundPool } from './ingress.ts';
import { cause } from './origin.ts';
import { ownPorts } from './own-ports.ts';
import type { ProxyClass } from './proxy-class.ts';
import type { Resource } from './resource.ts';
import { familiesText } from './view.ts';
import { familyBy } from '../store/family.ts';
import { identityOf } from './identity.ts';

/** What the cluster for ports that no service leads to depends on. */
type Elsewhere = Pick<ProxyClass['view'], 'config' | 'families'>;

/** Resources are made when somebody asks: what is wrong with them is known without. */
export interface Inbound {
  readonly clusters: ReadonlySignal<readonly Resource[]>;
  readonly listeners: ReadonlySignal<readonly Resource[]>;
  /** The SDS names of Kubernetes secrets that the listeners take. */
  readonly secrets: readonly string[];
  readonly diagnostics: readonly Diagnostic[];
}

const passthroughCells = familyBy(
  ({ config, families }: Elsewhere) => `${identityOf(config)} ${familiesText(families)}`,
  ({ config, families }): Resource => inboundPassthrough(config, families),
);

export function inboundOf(proxy: ProxyClass): Inbound {
  const { view, families } = proxy;
  const { mesh } = view;
  const elsewhere = passthroughCells({ config: view.config, families });
  const [sidecar] = proxy.sidecars;
  const serves = (sidecar?.body.spec.ingress ?? []).length > 0 ? sidecar : undefined;
  const captured = proxy.interception !== 'NONE';
  // Nothing is redirected to such a proxy: but for what a Sidecar opens, the application has its ports itself.
  if (!captured && serves === undefined) {
    return { clusters: computed(() => [elsewhere.value]), listeners: computed(() => []), secrets: [], diagnostics: [] };
  }
  const authentication = mesh.security.workloadAuthentication(proxy.namespace, proxy.labels);
  const modeAt = (port: number): ModeDecision => authentication.ports.get(port) ?? authentication.byDefault;
  const place = { address: proxy.ownAddress, dialled: !captured, unprivileged: proxy.unprivileged, modeAt };
  const targets = ownPorts(mesh, proxy);
  const ports = serves === undefined ? targets : ingressPorts(serves, targets, place);
  const policies = mesh.security.authorizationPolicies(proxy.namespace, proxy.labels);
  const http = httpRbac(policies, mesh.config);
  const tcp = tcpRbac(
    policies,
    mesh.config,
    ports.filter(({ protocol }) => !isHttp(protocol) && protocol !== 'Auto').map(({ target }) => target),
  );
  const taken = new Set(ports.map(({ target }) => target));
  const listeners = computed(() =>
    inboundListeners({
      config: view.config,
      ports,
      modeAt,
      otherPorts: [...authentication.ports.keys()].filter((port) => !taken.has(port)).sort((a, b) => a - b),
      modeElsewhere: authentication.byDefault,
      httpAuthorization: http.filters,
      tcpAuthorization: tcp.filters,
      http10: proxy.http10,
      records: view.records,
      files: view.files,
      families,
      captured,
      transparent: proxy.interception === 'TPROXY',
      causes: [
        ...ports.flatMap(({ services }) => services.map(({ service }) => cause(service.object))),
        ...(serves === undefined ? [] : [cause(serves, ['spec', 'ingress'])]),
        ...policies.map(({ object }) => cause(object)),
        ...[authentication.byDefault, ...authentication.ports.values()].flatMap((decision) =>
          decision.cause === undefined ? [] : [cause(decision.cause.object, decision.cause.path)],
        ),
      ],
    }),
  );
  return {
    clusters: computed(() => [
      elsewhere.value,
      ...ports.map((own) => inboundPortCluster(view, own, families, inboundPool(sidecar, own.target))),
    ]),
    listeners,
    secrets: ingressSecrets(ports),
    diagnostics: [
      ...(serves === undefined ? [] : ingressDiagnostics(serves, place)),
      ...http.diagnostics,
      ...tcp.diagnostics,
      ...mesh.security.idlePeerAuthentications(proxy.labels).map(idle),
    ],
  };
}

const idle = (object: ApiObject<unknown>): Diagnostic =>
  diagnose(object, ['spec', 'selector'], {
    code: 'LAT0207',
    severity: 'warning',
    message: 'in the root namespace a PeerAuthentication is for the whole mesh: one with a selector has no effect',
    help: "move it to the workload's own namespace, or remove the selector",
  });
