// Where a person can look once a mesh is up: the addresses of the ingress gateway on the host, with a path that some rule takes.

import type { ApiObject } from '../../api/object.ts';
import type { Gateway } from '../../api/gateway.ts';
import type { HttpMatch, Route } from '../../mesh/route.ts';
import type { HostPort } from '../published-ports.ts';

const mostShown = 4;

/** `http://127.0.0.1:8080/productpage`, for each rule of a plain HTTP server that takes any host; a few of them. */
export function entrances(
  published: readonly HostPort[],
  routes: readonly Route[],
  gateway: (name: string) => ApiObject<Gateway> | undefined,
): string[] {
  const urls = routes.flatMap((route) =>
    route.gateways.flatMap((name) => {
      const servers = gateway(name)?.body.spec.servers ?? [];
      return servers.flatMap(({ port, hosts }) => {
        if (
          port.protocol.toUpperCase() !== 'HTTP' ||
          !hosts.some((host) => host === '*' || host.endsWith('/*')) ||
          !route.hosts.includes('*')
        )
          return [];
        // A server names the gateway's Service port, or the port inside its pod that a low one leads to.
        const door =
          published.find((each) => portOf(each) === port.number) ?? published.find((each) => portOf(each) === port.number - 8000);
        return door === undefined ? [] : [`http://${door.address}:${door.port}${pathOf(route)}`];
      });
    }),
  );
  return [...new Set(urls)].slice(0, mostShown);
}

/** The port in `istio-system/istio-ingressgateway:80`. */
const portOf = ({ name }: HostPort): number => Number(name.slice(name.lastIndexOf(':') + 1));

function pathOf({ http }: Route): string {
  const paths = http.flatMap(({ matches }) =>
    matches.flatMap(({ uri }: HttpMatch) => (uri?.kind === 'exact' || uri?.kind === 'prefix' ? [uri.value] : [])),
  );
  return paths[0] ?? '/';
}
