// The Secrets that a gateway's servers name: which are fetched, and which of them nobody has.

import { diagnose, type Diagnostic } from '../../api/diagnostic.ts';
import { compareText } from '../../lib/order.ts';
import { isCredential, parseCredential, trustSuffix } from '../credential-name.ts';
import type { ApiObject, Path } from '../../api/object.ts';
import { parseOutboundCluster } from '../names.ts';
import { originationSecrets } from '../tls.ts';
import { policyFor, settingsFor } from '../view.ts';
import type { ProxyClass } from '../proxy-class.ts';
import { badSecret, gatewaySecret } from './secret.ts';
import { terminatesTls, type GatewayServer } from './server.ts';
import { serverSecrets } from './tls.ts';

interface Wanted {
  readonly name: string;
  readonly holds: 'a certificate and key' | 'trust (ca.crt)';
}

/** The SDS names of what a server takes from Secrets, each with what it must hold. */
export function wantedBy({ server }: Pick<GatewayServer, 'server'>): Wanted[] {
  if (server.tls === undefined || server.tls.mode === 'ISTIO_MUTUAL') return [];
  const { certificates, trust } = serverSecrets(server.tls);
  const wanted = [
    ...certificates.map((name) => ({ name, holds: 'a certificate and key' as const })),
    ...(trust === undefined ? [] : [{ name: trust, holds: 'trust (ca.crt)' as const }]),
  ];
  return wanted.filter(({ name }) => isCredential(name));
}

/** Sorted names for SDS. */
export const credentialNames = (servers: readonly GatewayServer[]): string[] =>
  [...new Set(servers.filter(terminatesTls).flatMap((server) => wantedBy(server).map(({ name }) => name)))].sort();

/** A server without its certificate keeps its place and takes connections as soon as the Secret is there. */
export function credentialDiagnostics(proxy: ProxyClass, servers: readonly GatewayServer[]): Diagnostic[] {
  return servers.filter(terminatesTls).flatMap((server) =>
    wantedBy(server).flatMap(({ name, holds }) => {
      if (gatewaySecret(proxy, name).value !== undefined) return [];
      return [diagnose(server.object, placeOfTls(server), { code: 'IST0101', severity: 'error', ...lack(proxy, name, holds) })];
    }),
  );
}

/** Secrets that are there and cannot be used; the object is to blame, not who names it. */
export function unusableSecrets(proxy: ProxyClass, names: Iterable<string>): Diagnostic[] {
  const bad = new Map<ApiObject<unknown>, string>();
  for (const name of names) {
    const found = badSecret(proxy, name);
    if (found !== undefined) bad.set(found.object, found.problem);
  }
  return [...bad].map(([object, problem]) =>
    diagnose(object, [], {
      code: 'LAT0211',
      severity: 'warning',
      message: `it cannot be used for TLS: ${problem}`,
      help: 'write the certificate and its key, or the authorities, as PEM; proxies that had another keep it',
    }),
  );
}

/** Secrets with which the gateway begins TLS itself: of clusters that its rules lead to, since others are for other gateways. */
export function originationDiagnostics(proxy: ProxyClass, used: Iterable<string>): Diagnostic[] {
  const { view } = proxy;
  return [...used].sort(compareText).flatMap((cluster) => {
    const parts = parseOutboundCluster(cluster);
    const service = parts && view.mesh.serviceSeen(parts.host, view);
    const policy = service && policyFor(view, service.host, service.namespace);
    if (parts === undefined || policy === undefined) return [];
    const subset = policy.subsets.find(({ name }) => name === parts.subset);
    const { tls } = settingsFor(view.mesh, policy, parts.port, subset);
    const object = subset?.object ?? policy.objects[0];
    if (tls === undefined || object === undefined) return [];
    return originationSecrets(tls).flatMap((name) => {
      if (gatewaySecret(proxy, name).value !== undefined) return [];
      const holds = name.endsWith(trustSuffix) ? 'trust (ca.crt)' : 'a certificate and key';
      return [
        diagnose(object, subset?.path ?? ['spec', 'trafficPolicy'], {
          code: 'IST0101',
          severity: 'error',
          ...lack(proxy, name, holds),
        }),
      ];
    });
  });
}

function lack({ namespace }: ProxyClass, name: string, holds: string): { message: string; help: string } {
  const wanted = parseCredential(name, namespace);
  if (wanted === undefined) {
    const forms = 'NAME, kubernetes-gateway://NAMESPACE/NAME or configmap://NAMESPACE/NAME';
    return { message: `${name} is not the name of a Secret or ConfigMap`, help: `write ${forms}` };
  }
  const { kind } = wanted;
  if (wanted.namespace !== namespace) {
    return {
      message: `${kind} ${wanted.namespace}/${wanted.name} is not for this gateway: it reads those of namespace ${namespace}, where it runs`,
      help: `copy it to namespace ${namespace}, and name it without a namespace`,
    };
  }
  return {
    message: `there is no ${kind} ${wanted.name} with ${holds} in namespace ${namespace}, where the gateway runs`,
    help: `create it there: lateen reads cert and key, or tls.crt and tls.key; cacert or ca.crt for trust, which may also be in ${kind} NAME${trustSuffix}`,
  };
}

/** An Ingress has its certificates where a Gateway has servers with them. */
const placeOfTls = ({ object, path }: GatewayServer): Path => (object.kind === 'Ingress' ? path : [...path, 'tls']);
