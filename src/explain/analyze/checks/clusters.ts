// What clusters say differently of one service, entries of one host that disagree, and networks of clusters that nobody knows.

import { diagnose, type Diagnostic } from '../../../api/diagnostic.ts';
import { refOf, refText } from '../../../api/object.ts';
import { isHttp, type Protocol } from '../../../mesh/protocol.ts';
import { portNumbered, type Service } from '../../../mesh/service.ts';
import { isVisible } from '../../../mesh/visibility.ts';
import type { AnalysisContext } from '../context.ts';

export const clusters = (context: AnalysisContext): Diagnostic[] => [
  ...context.mesh.services.all().flatMap(unlike),
  ...disagreeingEntries(context),
  ...unknownRegistries(context),
];

function unlike(service: Service): Diagnostic[] {
  for (const other of service.elsewhere) {
    const difference = differenceOf(service, other);
    if (difference === undefined) continue;
    return [
      diagnose(service.object, ['spec'], {
        code: 'IST0170',
        severity: 'warning',
        message: `is not the same in cluster ${other.cluster} as in ${service.cluster}: ${difference}; what ${service.cluster} says counts`,
        help: 'give the Service the same ports and kind in all clusters',
      }),
    ];
  }
  return [];
}

function differenceOf(service: Service, other: Service): string | undefined {
  if (service.resolution !== other.resolution)
    return service.resolution === 'original' || other.resolution === 'original'
      ? 'one of them is headless'
      : 'one of them is an ExternalName';
  const ports = ({ ports: list }: Service): string =>
    list
      .map(({ name, number }) => `${name === '' ? '' : `${name}:`}${number}`)
      .sort()
      .join(', ');
  return ports(service) === ports(other) ? undefined : `its ports are ${ports(other)} there, and ${ports(service)} here`;
}

const way = (protocol: Protocol): string => (isHttp(protocol) ? 'HTTP' : protocol);

/** Two entries with one host, for the same callers, of which each says another protocol of a port. */
function disagreeingEntries({ mesh }: AnalysisContext): Diagnostic[] {
  const hosts = Map.groupBy(
    mesh.services.all().filter(({ registry }) => registry === 'External'),
    ({ host }) => host,
  );
  return [...hosts.values()].flatMap((list) =>
    list.slice(1).flatMap((entry, index) => {
      for (const other of list.slice(0, index + 1)) {
        if (other.object === entry.object || !shareCallers(other, entry)) continue;
        for (const port of entry.ports) {
          const twin = portNumbered(other, port.number);
          if (twin === undefined || way(twin.protocol) === way(port.protocol)) continue;
          return [
            diagnose(entry.object, ['spec', 'ports'], {
              code: 'LAT2111',
              severity: 'warning',
              message: `port ${port.number} of ${entry.host} is ${port.protocol} here and ${twin.protocol} in ${refText(refOf(other.object))}: which counts depends on the caller's namespace and on the objects' age`,
              help: 'declare one protocol, or export each entry to its own namespace',
            }),
          ];
        }
      }
      return [];
    }),
  );
}

function shareCallers(a: Service, b: Service): boolean {
  if (a.visibility.everyone || b.visibility.everyone) return true;
  const { namespaces } = a.visibility;
  return [...namespaces].some((namespace) => isVisible(b.visibility, namespace));
}

/** Networks are known by the names of clusters; where others are known a name of none is a mistake. */
function unknownRegistries({ input, mesh }: AnalysisContext): Diagnostic[] {
  if ((input.remote?.size ?? 0) === 0) return [];
  const known = new Set([...mesh.clusters].map(({ id }) => id));
  return Object.entries(input.meshNetworks ?? {}).flatMap(([network, { endpoints = [] }]) =>
    endpoints.flatMap(({ fromRegistry = '' }): Diagnostic[] =>
      fromRegistry === '' || known.has(fromRegistry)
        ? []
        : [
            {
              code: 'IST0126',
              severity: 'error',
              path: ['networks', network],
              message: `MeshNetworks: network ${network} is of cluster ${fromRegistry}, and there is none of that name`,
              help: `the clusters are: ${[...known].join(', ')}`,
            },
          ],
    ),
  );
}
