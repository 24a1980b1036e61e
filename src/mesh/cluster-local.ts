// Services that stay in their cluster: callers of another cluster do not get their endpoints (MeshConfig.serviceSettings).

import type { MeshConfig } from '../api/mesh-config.ts';
import { bySpecificity, coversHost, isWildcard } from './hostname.ts';

/** Whether a host's endpoints are for callers of their own cluster only. The most specific setting counts, and Istio's defaults. */
export function clusterLocalHosts({ serviceSettings, defaultConfig }: MeshConfig, domain: string): (host: string) => boolean {
  const given = (serviceSettings ?? []).flatMap(({ hosts, settings }) =>
    (hosts ?? []).map((host) => ({ host, local: settings?.clusterLocal ?? false })),
  );
  const shared = given.filter(({ local }) => !local).map(({ host }) => host);
  const usual = [`*.kube-system.svc.${domain}`, `kubernetes.default.svc.${domain}`, controlPlane(defaultConfig, domain)]
    // A setting for any of a default's hosts takes the whole default away.
    .filter((host) => !shared.some((other) => (isWildcard(host) ? other.endsWith(host.slice(1)) : other === host)))
    .map((host) => ({ host, local: true }));
  const settings = new Map([...given, ...usual].map(({ host, local }) => [host, local]));
  const hosts = [...settings.keys()].sort(bySpecificity);
  return (host) => {
    const found = settings.has(host) ? host : hosts.find((other) => coversHost(other, host));
    return found !== undefined && settings.get(found) === true;
  };
}

function controlPlane({ discoveryAddress }: MeshConfig['defaultConfig'], domain: string): string {
  const host = discoveryAddress.replace(/:\d+$/, '');
  return host.endsWith(domain) ? host : `${host}.${domain}`;
}
