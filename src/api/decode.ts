// One parsed document to an object of a kind, with everything that is wrong with it. Where every source hands its input over.

import type { Code } from './codes.ts';
import { diagnose, type Diagnostic } from './diagnostic.ts';
import { error } from './finding.ts';
import { fit, isRecord } from './fit.ts';
import { kindOf, kinds } from './index.ts';
import { kindId, type Finding, type KindDefinition } from './kind.ts';
import { metadataOf } from './metadata.ts';
import { groupOf, type ApiObject, type Origin, type Path } from './object.ts';
import { nearest } from './suggestion.ts';
import { findIdle } from './idle-fields.ts';

export interface Decoded {
  /** Absent when its kind is unknown or an error was found in it. */
  readonly object?: ApiObject;
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * Decodes a document (`parse`d YAML or JSON, one object; Lists are unpacked by the source). Never throws. Fields unknown to a
 * kind are dropped with a warning, as the Kubernetes API prunes; any error leaves the object out.
 */
export function decode(document: unknown, origin: Origin): Decoded {
  if (!isRecord(document)) {
    return stranger(origin, {}, [], 'LAT1000', 'the document is not an object', 'write apiVersion, kind and metadata');
  }
  const { apiVersion, kind } = document;
  for (const [field, value] of Object.entries({ apiVersion, kind })) {
    if (typeof value === 'string' && value !== '') continue;
    return stranger(origin, document, [field], 'LAT1000', `the document has no ${field}`, `write ${field}`);
  }
  const definition = kindOf(String(apiVersion), String(kind));
  return definition === undefined
    ? unknownKind(document, String(apiVersion), String(kind), origin)
    : decodeAs(definition, document, origin);
}

function decodeAs(definition: KindDefinition, document: Readonly<Record<string, unknown>>, origin: Origin): Decoded {
  const { apiVersion, kind, metadata: givenMetadata, ...rest } = document;
  const named = metadataOf(givenMetadata, definition);
  // An absent spec counts as an empty one: `kind: AuthorizationPolicy` with a name alone is a policy.
  const body = hasSpec(definition) && isAbsent(rest['spec']) ? { ...rest, spec: {} } : rest;
  const fitted = fit(definition.schema, body);
  const object: ApiObject = {
    apiVersion: String(apiVersion),
    kind: definition.kind,
    metadata: named.metadata,
    body: {
      apiVersion,
      kind,
      metadata: isRecord(givenMetadata) ? givenMetadata : {},
      ...(isRecord(fitted.value) ? fitted.value : {}),
    },
    origin,
  };
  const findings: Finding[] = [...named.findings, ...fitted.findings];
  // Checks see only what fits the schema: they need not doubt the shape of anything.
  if (!fitted.findings.some(isError)) {
    for (const check of definition.checks) findings.push(...check(object.body, object));
  }
  const diagnostics = findings.map((finding) => diagnose(object, finding.path, finding));
  if (findings.some(isError)) return { diagnostics };
  if (!definition.inEffect) diagnostics.push(notInEffect(object));
  else
    for (const finding of findIdle(kindId(definition.group, definition.kind), object.body))
      diagnostics.push(diagnose(object, finding.path, finding));
  return { object, diagnostics };
}

const isError = ({ severity }: Pick<Finding, 'severity'>): boolean => severity === 'error';

const isAbsent = (value: unknown): boolean => value === undefined || value === null;

const notInEffect = (object: ApiObject): Diagnostic =>
  diagnose(object, [], {
    code: 'LAT0001',
    severity: 'info',
    message: `${object.kind} is accepted and stored, and not yet in effect`,
    help: 'nothing to do; a later version of Lateen acts on it',
  });

function unknownKind(document: Readonly<Record<string, unknown>>, apiVersion: string, kind: string, origin: Origin): Decoded {
  const here = kinds.filter((known) => known.kind === kind);
  const [served] = here.filter(({ group }) => group === groupOf(apiVersion));
  if (served !== undefined) {
    const versions = served.versions.map((version) => `${served.group}/${version}`).join(', ');
    const message = `${kind} has no version ${apiVersion}; the object is left out`;
    return stranger(origin, document, ['apiVersion'], 'LAT1005', message, `use ${versions}`, 'warning');
  }
  const [other] = here;
  const meant =
    other?.kind ??
    nearest(
      kind,
      kinds.map((known) => known.kind),
    );
  const match = other ?? kinds.find((known) => known.kind === meant);
  const help =
    match === undefined
      ? 'remove it from what Lateen is given, or ignore this'
      : `did you mean ${match.kind} of ${match.group === '' ? '' : `${match.group}/`}${match.versions[0]}?`;
  const message = `${kind} of ${apiVersion} is not a kind that Lateen reads; the object is left out`;
  return stranger(origin, document, [other === undefined ? 'kind' : 'apiVersion'], 'LAT1005', message, help, 'warning');
}

/** A document that is no object of a kind we know: named as far as it names itself. */
function stranger(
  origin: Origin,
  document: Readonly<Record<string, unknown>>,
  path: Path,
  code: Code,
  message: string,
  help: string,
  severity: Diagnostic['severity'] = 'error',
): Decoded {
  const finding = { ...error(code, path, message, help), severity };
  const { apiVersion, kind, metadata } = document;
  const position = origin.position(path);
  const diagnostic = { ...finding, file: origin.source, ...position };
  if (typeof kind !== 'string' || !isRecord(metadata)) return { diagnostics: [diagnostic] };
  const { name, namespace } = metadata;
  const ref = {
    group: typeof apiVersion === 'string' ? groupOf(apiVersion) : '',
    kind,
    namespace: typeof namespace === 'string' ? namespace : '',
    name: typeof name === 'string' ? name : '',
  };
  return { diagnostics: [{ ...diagnostic, object: ref }] };
}

const hasSpec = ({ schema }: KindDefinition): boolean => 'spec' in ((schema as { properties?: object }).properties ?? {});
