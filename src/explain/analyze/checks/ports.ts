// Ports of services whose protocol will be guessed, or is hardly the one that is declared.

import { diagnose, type Diagnostic } from '../../../api/diagnostic.ts';
import type { ApiObject } from '../../../api/object.ts';
import type { Service as KubernetesService } from '../../../api/service.ts';
import type { ServiceEntry } from '../../../api/service-entry.ts';
import { isHttp, protocolNamed, servicePortProtocol, speaksFirst, type Protocol } from '../../../mesh/protocol.ts';
import { networking, type AnalysisContext } from '../context.ts';

/** Well-known servers that speak first, or for which HTTP's bytes mean nothing. */
const names: Readonly<Record<number, string>> = {
  21: 'FTP',
  22: 'SSH',
  23: 'Telnet',
  25: 'SMTP',
  53: 'DNS',
  110: 'POP3',
  143: 'IMAP',
  587: 'SMTP',
  3306: 'MySQL',
  5432: 'PostgreSQL',
  6379: 'Redis',
  9092: 'Kafka',
  27017: 'MongoDB',
  33060: 'MySQL',
};

/** Pods of these names are not in the mesh, whoever gives their manifests. */
const systemNamespaces = new Set(['kube-system', 'kube-public', 'kube-node-lease', 'local-path-storage']);

export function portProtocols(context: AnalysisContext): Diagnostic[] {
  const services = context
    .of<KubernetesService>('', 'Service')
    .filter(({ metadata }) => !systemNamespaces.has(metadata.namespace));
  const entries = context.of<ServiceEntry>(networking, 'ServiceEntry');
  return [
    ...services.flatMap((service) =>
      service.body.spec?.type === 'ExternalName'
        ? []
        : (service.body.spec?.ports ?? []).flatMap((port, index) => [
            ...guessed(service, index, port),
            ...misnamed(service, index, port.port, port.name ?? '', servicePortProtocol(port)),
          ]),
    ),
    ...entries.flatMap((entry) =>
      (entry.body.spec.ports ?? []).flatMap((port, index) =>
        misnamed(entry, index, port.number, port.name, protocolNamed(port.protocol) ?? 'Auto'),
      ),
    ),
  ];
}

type Port = NonNullable<NonNullable<KubernetesService['spec']>['ports']>[number];

function guessed(service: ApiObject<unknown>, index: number, port: Port): Diagnostic[] {
  if (servicePortProtocol(port) !== 'Auto') return [];
  const { name = '', appProtocol } = port;
  const said = appProtocol === undefined ? (name === '' ? 'has no name' : `is named ${name}`) : `has appProtocol ${appProtocol}`;
  return [
    diagnose(service, ['spec', 'ports', index], {
      code: 'IST0118',
      severity: 'info',
      message: `port ${port.port} ${said}, which says no protocol: each connection's first bytes decide`,
      help: 'set appProtocol (http, http2, grpc, tcp, tls, …), or begin the name with it: http-web, tcp-db',
    }),
  ];
}

function misnamed(object: ApiObject<unknown>, index: number, number: number, name: string, protocol: Protocol): Diagnostic[] {
  const known = names[number];
  if (known === undefined || !isHttp(protocol)) return [];
  const waits = speaksFirst(number)
    ? 'its server speaks first, and the proxy waits for the client: connections hang'
    : 'the proxy answers 400 to what is no HTTP';
  return [
    diagnose(object, ['spec', 'ports', index], {
      code: 'LAT2102',
      severity: 'warning',
      message: `port ${number} is ${known}'s, and ${name === '' ? 'it' : `its name ${name}`} declares ${protocol}: ${waits}`,
      help: 'declare tcp, or the protocol itself (mysql, mongo, redis)',
    }),
  ];
}
