// Whether what an object refers to in vain may be in the mesh that some files are for, and not in the files.

import type { ApiObject, Path } from '../../api/object.ts';
import { resolveHost } from '../../mesh/hostname.ts';
import type { AnalysisContext } from './context.ts';

/** `path` is where the reference stands: a destination with its host, a list of gateways, TLS settings that name a Secret. */
export function mayBeElsewhere({ input, mesh }: AnalysisContext, object: ApiObject, path: Path): boolean {
  if (input.whole) return false;
  const has = (kind: string, namespace?: string): boolean =>
    input.objects.some((one) => one.kind === kind && (namespace === undefined || one.metadata.namespace === namespace));
  const { namespace } = object.metadata;
  const value = valueAt(object.body, path);
  const host = isRecord(value) ? value['host'] : undefined;
  if (typeof host === 'string') {
    const whole = resolveHost(host, namespace, mesh.domain);
    const end = whole.indexOf(`.svc.${mesh.domain}`);
    return end < 0 ? !has('ServiceEntry') : !has('Service', whole.slice(whole.indexOf('.') + 1, end));
  }
  switch (path.at(-1)) {
    case 'port':
    case 'host':
      return false;
    case 'gateways':
      return Array.isArray(value) && !value.some((name) => has('Gateway', gatewayNamespace(String(name), namespace)));
    case 'delegate':
      return !has('VirtualService', isRecord(value) && typeof value['namespace'] === 'string' ? value['namespace'] : namespace);
    case 'tls':
    case 'trafficPolicy':
      return !has('Secret');
    default:
      return object.kind === 'Gateway' || object.kind === 'Ingress' ? !has('Secret') : false;
  }
}

const gatewayNamespace = (name: string, home: string): string => {
  const [where, short] = name.split('/');
  return short === undefined || where === '.' || where === undefined ? home : where;
};

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function valueAt(value: unknown, path: Path): unknown {
  let at = value;
  for (const step of path)
    at = typeof at === 'object' && at !== null ? (at as Readonly<Record<string | number, unknown>>)[step] : undefined;
  return at;
}
