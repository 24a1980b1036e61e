// The configuration of a gateway's class: listeners and tables from its servers, clusters of everything it may call.

import { computed } from '@preact/signals-core';
import { httpRbac, tcpRbac } from '../../filters/rbac/rbac.ts';
import { familyBy } from '../../store/family.ts';
import type { Configuration } from '../configuration.ts';
import { settle, settleAll, settleNames } from '../encode.ts';
import { cause } from '../origin.ts';
import { endpointScope, outboundClusters, outboundEndpoints, unopenedClusters } from '../outbound.ts';
import type { ProxyClass } from '../proxy-class.ts';
import type { Resource } from '../resource.ts';
import { meshDiagnostics } from '../references.ts';
import { gatewayListeners } from './listeners.ts';
import { gatewayTable } from './routes.ts';
import { ingressDiagnostics } from './ingress.ts';
import { shadowDiagnostics } from './shadows.ts';
import { gatewaySecret } from './secret.ts';
import { serversOf } from './merge.ts';
import { credentialDiagnostics, credentialNames, originationDiagnostics, unusableSecrets } from './credentials.ts';
import { sharedCertificates, strayHosts } from './warnings.ts';
import { gatewayClusters, usedClusters } from './used-clusters.ts';
import { askedServers, hasTable, isAutomatic, tableOf } from './server.ts';

export function gatewayOf(proxy: ProxyClass): Configuration {
  const { view } = proxy;
  const { mesh } = view;
  const servers = computed(() => serversOf(proxy));
  const rbac = computed(() => {
    const policies = mesh.security.authorizationPolicies(proxy.namespace, proxy.labels);
    const l4 = servers.value.servers.filter((server) => !hasTable(server)).map(({ port }) => port);
    const causes = policies.map(({ object }) => cause(object));
    return { http: httpRbac(policies, mesh.config), tcp: tcpRbac(policies, mesh.config, l4), causes };
  });
  const made = computed(() => {
    const { http, tcp, causes } = rbac.value;
    return gatewayListeners(proxy, servers.value.servers, { http: http.filters, tcp: tcp.filters, causes });
  });
  const tables = familyBy<string, Resource | undefined>(
    (name) => name,
    (name, previous) => settle(previous, gatewayTable(proxy, servers.value.servers, name)),
  );
  const used = computed(() => usedClusters(proxy, servers.value.servers));
  const outbound = computed(() => gatewayClusters(() => used.value, outboundClusters(view).value));
  const handsOn = computed(() => servers.value.servers.some(isAutomatic));
  let clusters: ReadonlyMap<string, Resource> | undefined;
  let listeners: ReadonlyMap<string, Resource> | undefined;
  let endpointNames: readonly string[] | undefined;
  let names: readonly string[] | undefined;
  let secrets: readonly string[] | undefined;
  const wantedSecrets = computed(() => {
    const all = new Set([...credentialNames(servers.value.servers), ...outbound.value.secrets]);
    return (secrets = settleNames(secrets, [...all].sort()));
  });
  return {
    id: proxy.text,
    clusters: computed(() => {
      const { byName } = outbound.value;
      const all = handsOn.value ? new Map([...byName, ...unopenedClusters(view).value.byName]) : byName;
      return (clusters = settleAll(clusters, all));
    }),
    listeners: computed(() => {
      const all = new Map(made.value.listeners.map((listener) => [listener.name, listener] as const));
      return (listeners = settleAll(listeners, all));
    }),
    endpoints: (name) => outboundEndpoints(view, name),
    endpointScope: endpointScope(view),
    route: (name) => tables(name),
    secret: (name) => gatewaySecret(proxy, name),
    endpointNames: computed(() => {
      const { withEndpoints } = outbound.value;
      const all = handsOn.value ? [...withEndpoints, ...unopenedClusters(view).value.withEndpoints].sort() : withEndpoints;
      return (endpointNames = settleNames(endpointNames, all));
    }),
    routeNames: computed(() => {
      const used = servers.value.servers.filter(hasTable).map(tableOf);
      return (names = settleNames(names, [...new Set(used)].sort()));
    }),
    secretNames: wantedSecrets,
    diagnostics: computed(() => [
      ...meshDiagnostics(view),
      ...ingressDiagnostics(mesh),
      ...shadowDiagnostics(proxy, servers.value.servers),
      ...servers.value.diagnostics,
      ...made.value.diagnostics,
      ...unusableSecrets(proxy, wantedSecrets.value),
      ...credentialDiagnostics(proxy, servers.value.servers),
      ...originationDiagnostics(proxy, used.value),
      ...strayHosts(proxy, askedServers(proxy)),
      ...sharedCertificates(servers.value.servers),
      ...rbac.value.http.diagnostics,
      ...rbac.value.tcp.diagnostics,
    ]),
  };
}
