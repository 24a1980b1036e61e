// Objects that select workloads and select none: a policy that protects nothing, a Sidecar that limits nobody.

import { diagnose, type Diagnostic } from '../../../api/diagnostic.ts';
import type { ApiObject, Path } from '../../../api/object.ts';
import { labelsText, matchesLabels, type Labels } from '../../../mesh/labels.ts';
import { networking, security, type AnalysisContext } from '../context.ts';

interface Selecting {
  readonly spec?: {
    readonly selector?: { readonly matchLabels?: Labels };
    readonly workloadSelector?: { readonly labels?: Labels; readonly matchLabels?: Labels };
  };
}

/** Kinds, and whether one in the root namespace is for the workloads of every namespace. */
const kinds = [
  [security, 'AuthorizationPolicy', true],
  [security, 'RequestAuthentication', true],
  [security, 'PeerAuthentication', false],
  ['telemetry.istio.io', 'Telemetry', true],
  ['extensions.istio.io', 'WasmPlugin', true],
  [networking, 'EnvoyFilter', true],
  [networking, 'Sidecar', false],
  [networking, 'ProxyConfig', true],
  [networking, 'DestinationRule', false],
] as const;

export const idleSelectors = (context: AnalysisContext): Diagnostic[] =>
  kinds.flatMap(([group, kind, rootIsForAll]) =>
    context.of<Selecting>(group, kind).flatMap((object) => idleSelector(context, object, rootIsForAll)),
  );

function idleSelector(context: AnalysisContext, object: ApiObject<Selecting>, rootIsForAll: boolean): Diagnostic[] {
  const { selector, workloadSelector } = object.body.spec ?? {};
  const [labels, path]: [Labels, Path] =
    workloadSelector?.labels !== undefined
      ? [workloadSelector.labels, ['spec', 'workloadSelector', 'labels']]
      : workloadSelector?.matchLabels !== undefined
        ? [workloadSelector.matchLabels, ['spec', 'workloadSelector', 'matchLabels']]
        : [selector?.matchLabels ?? {}, ['spec', 'selector', 'matchLabels']];
  if (Object.keys(labels).length === 0) return [];
  const { namespace } = object.metadata;
  const everywhere = rootIsForAll && namespace === context.mesh.config.rootNamespace;
  const asked = everywhere ? context.workloads : context.workloadsIn(namespace);
  const known = everywhere ? asked.length > 0 || context.input.whole : context.knowsWorkloads(namespace);
  if (!known || asked.some((workload) => matchesLabels(labels, workload.labels))) return [];
  const near = nearestKey(labels, asked);
  return [
    diagnose(object, path, {
      code: 'IST0127',
      severity: 'warning',
      message: `no workload ${everywhere ? 'of the mesh' : `in namespace ${namespace}`} has ${labelsText(labels)}: the object is for none`,
      help: near ?? 'write labels that pods have, or leave the selector out for all of them',
    }),
  ];
}

/** Where each label is there, though with another value, what the values are. */
function nearestKey(labels: Labels, workloads: readonly { readonly labels: Labels }[]): string | undefined {
  for (const [key, value] of Object.entries(labels)) {
    const values = [...new Set(workloads.flatMap((workload) => workload.labels[key] ?? []))].sort();
    if (values.includes(value)) continue;
    return values.length === 0 || values.length > 12 ? undefined : `${key} is one of: ${values.join(', ')}`;
  }
  return undefined;
}
