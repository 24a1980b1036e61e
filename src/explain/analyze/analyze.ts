// The analysis of a whole mesh: what is wrong with its objects one by one, what the compiler finds for every class of proxies, and what
// only a look at all of them together shows. Pure; each finding once, in the order of files and lines.

import type { Diagnostic } from '../../api/diagnostic.ts';
import { pathText, refKey, refOf, type ApiObject, type Path } from '../../api/object.ts';
import { storeOf } from '../../compile/compile.ts';
import { compareText } from '../../lib/order.ts';
import { unseen } from './checks/callers.ts';
import { clusters } from './checks/clusters.ts';
import { deprecated } from './checks/deprecated.ts';
import { destinationPorts } from './checks/destinations.ts';
import { idleServices, idleSubsets } from './checks/endpoints.ts';
import { patchOrder } from './checks/envoy-filters.ts';
import { gateways } from './checks/gateways.ts';
import { merges } from './checks/merges.ts';
import { metadata } from './checks/metadata.ts';
import { mutualTlsConflicts } from './checks/mutual-tls.ts';
import { pods } from './checks/pods.ts';
import { policyRules } from './checks/policies.ts';
import { portProtocols } from './checks/ports.ts';
import { idleSelectors } from './checks/selectors.ts';
import { telemetries } from './checks/telemetries.ts';
import { shortTimeouts } from './checks/timeouts.ts';
import { unreachableRules } from './checks/unreachable-rules.ts';
import { compiledDiagnostics, hasServices, reference } from './compiled.ts';
import { contextOf, type AnalysisContext } from './context.ts';
import type { AnalysisInput } from './input.ts';
import { severityOf } from './references.ts';
import { suppressor, type Suppression } from './suppression.ts';

const checks: readonly ((context: AnalysisContext) => readonly Diagnostic[])[] = [
  unreachableRules,
  destinationPorts,
  shortTimeouts,
  merges,
  unseen,
  idleServices,
  idleSubsets,
  mutualTlsConflicts,
  policyRules,
  idleSelectors,
  gateways,
  portProtocols,
  pods,
  patchOrder,
  telemetries,
  clusters,
  metadata,
  deprecated,
];

export interface Analysis {
  /** By file, line, object and code. */
  readonly diagnostics: readonly Diagnostic[];
  /** How many findings nobody wants to hear. */
  readonly suppressed: number;
  /** False where there is no service at all among some files: then references are not checked, for each would be told to lead nowhere. */
  readonly referencesChecked: boolean;
}

/** What else is known to be wrong: found while the objects were read, or told by the proxies that run. */
export interface AnalysisOptions {
  readonly found?: readonly Diagnostic[];
  readonly suppressions?: readonly Suppression[];
}

/** Gives way between its steps, for who has other things to do meanwhile; `analyze` does it at once. */
export function* analysis(
  input: AnalysisInput,
  { found = [], suppressions = [] }: AnalysisOptions = {},
): Generator<void, Analysis> {
  const store = storeOf(input);
  const all: Diagnostic[] = [...found];
  for (const diagnostic of compiledDiagnostics(input, store)) {
    all.push(diagnostic);
    yield;
  }
  const context = contextOf(input, store);
  for (const check of checks) {
    all.push(...check(context));
    yield;
  }
  const referencesChecked = hasServices(input);
  const objects = new Map(input.objects.map((object) => [refKey(refOf(object)), object]));
  const judged = all.flatMap((diagnostic) =>
    diagnostic.code === reference ? judge(diagnostic, objects, context, referencesChecked) : [diagnostic],
  );
  const isSuppressed = suppressor(input.objects, suppressions);
  const told = once(judged);
  const diagnostics = told.filter((diagnostic) => !isSuppressed(diagnostic)).sort(byPlace);
  return { diagnostics, suppressed: told.length - diagnostics.length, referencesChecked };
}

export function analyze(input: AnalysisInput, options?: AnalysisOptions): Analysis {
  const steps = analysis(input, options);
  for (let step = steps.next(); ; step = steps.next()) if (step.done === true) return step.value;
}

/** What some files lack may be in the mesh that they are for, unless they have others of its kind. */
function judge(
  diagnostic: Diagnostic,
  objects: ReadonlyMap<string, ApiObject>,
  context: AnalysisContext,
  referencesChecked: boolean,
): Diagnostic[] {
  if (!referencesChecked) return [];
  const object = diagnostic.object && objects.get(refKey(diagnostic.object));
  if (diagnostic.severity !== 'error' || object === undefined) return [diagnostic];
  const severity = severityOf(context, object, diagnostic.path);
  if (severity === 'error') return [diagnostic];
  return [{ ...diagnostic, severity, help: `${diagnostic.help}; or name the file that has it as well` }];
}

/** A class of proxies and a check may find the same: what stands at one place is told once, in the words of who was first. */
function once(diagnostics: readonly Diagnostic[]): Diagnostic[] {
  const told = new Set<string>();
  return diagnostics.filter((diagnostic) => {
    const { code, object, path, message, file, line } = diagnostic;
    const place = `${object === undefined ? `${file}:${line}` : refKey(object)} ${pathText(path)}`;
    const keys = [`${place} ${code} ${message}`, ...(unreached.has(code) && object !== undefined ? [`${place} unreached`] : [])];
    const known = keys.some((key) => told.has(key)) || (code === 'IST0131' && isWithin(path, object && refKey(object), told));
    for (const key of keys) told.add(key);
    return !known;
  });
}

/** Two codes for one thing: a rule, or one match of it. */
const unreached = new Set(['IST0130', 'IST0131']);

/** A match of a rule that is told to be unreachable as a whole. */
const isWithin = (path: Path, object: string | undefined, told: ReadonlySet<string>): boolean =>
  path.some((_, end) => told.has(`${object} ${pathText(path.slice(0, end))} unreached`));

const byPlace = (a: Diagnostic, b: Diagnostic): number =>
  compareText(a.file ?? '', b.file ?? '') ||
  (a.line ?? 0) - (b.line ?? 0) ||
  (a.column ?? 0) - (b.column ?? 0) ||
  compareText(a.object === undefined ? '' : refKey(a.object), b.object === undefined ? '' : refKey(b.object)) ||
  compareText(a.code, b.code) ||
  compareText(a.message, b.message);
