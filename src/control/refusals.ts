// A proxy's refusal, traced to the object and field that caused what it refused: Envoy's words beside the configuration's origins.

import { fromBinary, type DescMessage, type Message } from '@bufbuild/protobuf';
import { VirtualHostSchema } from '../../gen/envoy/config/route/v3/route_components_pb.js';
import { diagnose, type Diagnostic } from '../api/diagnostic.ts';
import { pathOf, refText } from '../api/object.ts';
import { indexPath, originKey } from '../compile/origin.ts';
import type { Cause, Resource, ResourceType } from '../compile/resource.ts';
import type { Store } from '../store/store.ts';
import type { Refusal } from '../xds/distribution.ts';
import { schemas } from './resource-json.ts';

const schemaOf: Readonly<Record<ResourceType, DescMessage>> = {
  cluster: schemas.clusters,
  endpoint: schemas.endpoints,
  listener: schemas.listeners,
  route: schemas.routes,
  secret: schemas.secrets,
  called: schemas.clusters,
  head: schemas.routes,
  host: VirtualHostSchema,
};

const typeWords: Partial<Record<ResourceType, string>> = { called: 'cluster', head: 'route', host: 'virtual host' };

/** One diagnostic per object that may be meant; several only where neither the words nor the origins tell them apart. */
export function refusalDiagnostics(refusals: readonly Refusal[], store: Store): Diagnostic[] {
  return refusals.flatMap(({ type, resource, message }) => {
    const what = {
      code: 'LAT1910',
      severity: 'error',
      message: `Envoy refuses the ${typeWords[type] ?? type} ${resource.name} that comes of this: ${message.trim().slice(0, longestMessage)}`,
      help: 'proxies keep what they had of it; correct the object',
    } as const;
    const found = traced(type, resource, message).flatMap(({ object, path }): Diagnostic[] => {
      const known = store.get(object);
      return known === undefined
        ? [{ ...what, object, path: indexPath(undefined, path) }]
        : [diagnose(known, indexPath(known, path), what)];
    });
    return found.length > 0 ? found : [{ ...what, path: [] }];
  });
}

const longestMessage = 1_000;
/** Of a table with the rules of hundreds, naming each helps nobody. */
const mostSuspects = 3;

const kept = new WeakMap<Resource, { readonly message: string; readonly causes: readonly Cause[] }>();

/** Each refusal is traced once, however often its diagnostics are read. */
function traced(type: ResourceType, resource: Resource, message: string): readonly Cause[] {
  const known = kept.get(resource);
  if (known?.message === message) return known.causes;
  const causes = trace(type, resource, message);
  kept.set(resource, { message, causes });
  return causes;
}

function trace(type: ResourceType, resource: Resource, message: string): readonly Cause[] {
  const different = new Map(resource.causes.map((cause) => [JSON.stringify(cause), cause]));
  const causes = [...different.values()];
  if (causes.length <= 1) return causes;
  const source = sourceMeant(type, resource, message);
  if (source !== undefined) {
    const meant = causes.find(({ object }) => refText(object) === source.split('#')[0]);
    if (meant !== undefined) return [{ object: meant.object, path: pathOf(source.split('#')[1] ?? '') }];
  }
  // A virtual host is there for a service; what can be wrong with it comes of its rules.
  const rules = type === 'host' ? causes.filter(({ object }) => object.kind !== 'Service') : causes;
  return rules.slice(0, mostSuspects);
}

/** The origin, as metadata name it, of the part of a resource that a refusal is about. */
function sourceMeant(type: ResourceType, resource: Resource, message: string): string | undefined {
  let decoded: Message;
  try {
    decoded = fromBinary(schemaOf[type], resource.bytes);
  } catch {
    return undefined;
  }
  return byPlace(decoded, message) ?? byWords(decoded, message, resource.name);
}

/** Envoy's validation names fields with their indexes, outermost first: `RouteConfigurationValidationError.VirtualHosts[3]: …`. */
function byPlace(root: Message, message: string): string | undefined {
  let node: unknown = root;
  let source: string | undefined;
  for (const [, field = '', index] of message.matchAll(/ValidationError\.(\w+)(?:\[(\d+)\])?/g)) {
    node = childOf(node, field.charAt(0).toLowerCase() + field.slice(1));
    if (index !== undefined) node = childOf(node, index);
    source = sourceOf(node) ?? source;
  }
  return source;
}

/** The longest text of the configuration that the refusal repeats tells where it is from. */
function byWords(root: Message, message: string, name: string): string | undefined {
  let best = { length: shortestWord - 1, source: undefined as string | undefined };
  const consider = (text: string, source: string | undefined) => {
    if (text.length > best.length && source !== undefined && text !== name && message.includes(text))
      best = { length: text.length, source };
  };
  const walk = (node: unknown, above: string | undefined): void => {
    if (typeof node === 'string') return consider(node, above);
    if (node instanceof Uint8Array) {
      for (const [text] of Buffer.from(node)
        .toString('latin1')
        .matchAll(/[\x20-\x7e]{3,}/g))
        consider(text, above);
      return;
    }
    if (typeof node !== 'object' || node === null) return;
    const source = sourceOf(node) ?? above;
    for (const [key, value] of Object.entries(node)) if (key !== 'metadata' && !key.startsWith('$')) walk(value, source);
  };
  walk(root, undefined);
  return best.source;
}

const shortestWord = 3;

const childOf = (node: unknown, key: string): unknown =>
  typeof node === 'object' && node !== null ? (node as Readonly<Record<string, unknown>>)[key] : undefined;

function sourceOf(node: unknown): string | undefined {
  const source = childOf(childOf(childOf(childOf(node, 'metadata'), 'filterMetadata'), originKey), 'source');
  return typeof source === 'string' ? source : undefined;
}
