// Where a person can look once a mesh is up: the addresses of the ingress gateway on the host, with a path that some rule takes.

import type { GatewayDeclaration } from '../../mesh/gateway.ts';
import type { HttpMatch, Route } from '../../mesh/route.ts';
import type { HostPort } from '../published-ports.ts';

const mostShown = 4;

/** What is read of the mesh. */
interface Doors {
  readonly routes: { all(): readonly Route[] };
  readonly ingresses: { readonly routes: readonly Route[] };
  gateway(name: string): Pick<GatewayDeclaration, 'servers'> | undefined;
}

/** `http://127.0.0.1:8080/productpage`, for each rule of a plain HTTP server that takes any host; a few of them. */
export function entrances(published: readonly HostPort[], mesh: Doors): string[] {
  const urls = [...mesh.ingresses.routes, ...mesh.routes.all()].flatMap((route) =>
    route.gateways.flatMap((name) => {
      const servers = mesh.gateway(name)?.servers ?? [];
      return servers.flatMap(({ server: { port, hosts } }) => {
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
    matches.flatMap(({ uri }: HttpMatch) =>
      uri !== undefined && uri.kind !== 'present' && uri.kind !== 'regex' ? [uri.value] : [],
    ),
  );
  return paths[0] ?? '/';
}
