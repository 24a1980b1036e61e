// Whether what an object refers to in vain may be in the mesh that some files are for, and not in the files: how sure one can be.

import type { Severity } from '../../api/diagnostic.ts';
import type { ApiObject, Path } from '../../api/object.ts';
import { resolveHost } from '../../mesh/hostname.ts';
import type { AnalysisContext } from './context.ts';

/**
 * How bad it is that a reference leads nowhere: an error where the files have others of its kind, a warning where they have none, and a
 * note of a Secret, which nobody keeps among manifests. `path` is where the reference stands.
 */
export function severityOf(context: AnalysisContext, object: ApiObject, path: Path): Severity {
  if (context.input.whole) return 'error';
  const isSecret =
    path.at(-1) === 'tls' ||
    path.at(-1) === 'trafficPolicy' ||
    (path.at(-2) === 'tls' && object.kind === 'Ingress') ||
    path.at(-2) === 'subsets';
  if (isSecret) return context.input.objects.some(({ kind }) => kind === 'Secret') ? 'error' : 'info';
  return mayBeElsewhere(context, object, path) ? 'warning' : 'error';
}

function mayBeElsewhere({ input, mesh }: AnalysisContext, object: ApiObject, path: Path): boolean {
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
    default:
      return false;
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
