// Objects as people write them: one shape for every kind, whatever source it came from. First stop of the flow.

/** A field's place in an object: property names and array indexes, outermost first. */
export type Path = readonly (string | number)[];

export interface ObjectMeta {
  readonly name: string;
  /** Empty for cluster-scoped kinds. */
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** RFC 3339; absent counts as the oldest (compile.md, "Objects"). */
  readonly creationTimestamp?: string;
  readonly generation?: number;
  readonly resourceVersion?: string;
  readonly uid?: string;
}

/** Any object: `body` is the document as given, less `metadata`'s defaults; kinds give it a type. */
export interface ApiObject<Body = Readonly<Record<string, unknown>>> {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
  /** The whole document (apiVersion, kind, metadata, spec, data, …) after the schema's checks. */
  readonly body: Body;
  readonly origin: Origin;
}

/** Where an object came from, and where in it each field stands. */
export interface Origin {
  /** A file's path, `-` for standard input, `store` for the embedded store, `cluster` for a Kubernetes API server. */
  readonly source: string;
  /** Line and column (from 1) of a field, or of its nearest parent that is there. Undefined where the source has no lines. */
  position(path: Path): { readonly line: number; readonly column: number } | undefined;
}

/** An origin without lines. */
export const originOf = (source: string): Origin => ({ source, position: () => undefined });

/** What names an object: its kind with group, namespace and name. */
export interface ObjectRef {
  readonly group: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

/** The group of an apiVersion: `networking.istio.io/v1` → `networking.istio.io`; `v1` → ``. */
export function groupOf(apiVersion: string): string {
  const slash = apiVersion.indexOf('/');
  return slash < 0 ? '' : apiVersion.slice(0, slash);
}

export const refOf = (object: ApiObject<unknown>): ObjectRef => ({
  group: groupOf(object.apiVersion),
  kind: object.kind,
  namespace: object.metadata.namespace,
  name: object.metadata.name,
});

/** The key of an object among all: its versions are one. */
export const refKey = ({ group, kind, namespace, name }: ObjectRef): string => `${group}/${kind}/${namespace}/${name}`;

/** `VirtualService/default/reviews`; cluster-scoped kinds have no namespace part. */
export const refText = (ref: Omit<ObjectRef, 'group'>): string =>
  ref.namespace === '' ? `${ref.kind}/${ref.name}` : `${ref.kind}/${ref.namespace}/${ref.name}`;

/** `['spec', 'http', 0, 'route']` → `spec.http[0].route`; a step that begins with `~` is a place in a list, too (compile/origin.ts). */
export function pathText(path: Path): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number' || step.startsWith('~')) text += `[${step}]`;
    else text += text === '' ? step : `.${step}`;
  }
  return text;
}

/** `spec.http[0].route` → `['spec', 'http', 0, 'route']`. A name that has dots itself comes back in pieces. */
export const pathOf = (text: string): Path =>
  [...text.matchAll(/\[(\d+)\]|([^.[\]]+)/g)].map(([, index, name]) => (index === undefined ? (name ?? '') : Number(index)));
