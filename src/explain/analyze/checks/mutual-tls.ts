// DestinationRules whose TLS is none that the other side takes: every call fails in the handshake.

import { diagnose, type Diagnostic } from '../../../api/diagnostic.ts';
import type { DestinationRule } from '../../../api/destination-rule.ts';
import { pathText, refOf, refText, type ApiObject, type Path } from '../../../api/object.ts';
import type { TrafficPolicy } from '../../../api/shared/traffic-policy.ts';
import { type ModeDecision } from '../../../mesh/authentication.ts';
import { resolveHost } from '../../../mesh/hostname.ts';
import { matchesLabels, type Labels } from '../../../mesh/labels.ts';
import type { Service, ServicePort } from '../../../mesh/service.ts';
import { networking, type AnalysisContext } from '../context.ts';

export const mutualTlsConflicts = (context: AnalysisContext): Diagnostic[] =>
  context.of<DestinationRule>(networking, 'DestinationRule').flatMap((rule) => {
    const host = resolveHost(rule.body.spec.host, rule.metadata.namespace, context.mesh.domain);
    const services = context.mesh.servicesAt(host).filter(({ external, resolution }) => !external && resolution !== 'alias');
    return asked(rule).flatMap((one) => {
      for (const service of services) {
        for (const port of service.ports) {
          if (one.port === undefined ? one.elsewhere.has(port.number) : one.port !== port.number) continue;
          const conflict = conflictAt(context, service, port, one);
          if (conflict !== undefined) return [told(rule, one, service, port, conflict)];
        }
      }
      return [];
    });
  });

type ClientMode = 'DISABLE' | 'SIMPLE' | 'ISTIO_MUTUAL';

/** What a rule asks for at one place: for a subset or all, for one port or all but those that have settings of their own. */
interface Asked {
  readonly mode: ClientMode;
  readonly path: Path;
  readonly subset: Labels;
  readonly port: number | undefined;
  readonly elsewhere: ReadonlySet<number | undefined>;
}

function asked({ body: { spec } }: ApiObject<DestinationRule>): Asked[] {
  const of = (policy: TrafficPolicy | undefined, path: Path, subset: Labels): Asked[] => {
    const levels = policy?.portLevelSettings ?? [];
    const elsewhere = new Set(levels.map(({ port }) => port?.number));
    const one = (tls: TrafficPolicy['tls'], place: Path, port: number | undefined): Asked[] =>
      tls?.mode === 'DISABLE' || tls?.mode === 'SIMPLE' || tls?.mode === 'ISTIO_MUTUAL'
        ? [{ mode: tls.mode, path: [...place, 'tls', 'mode'], subset, port, elsewhere }]
        : [];
    return [
      ...one(policy?.tls, path, undefined),
      ...levels.flatMap(({ tls, port }, index) => one(tls, [...path, 'portLevelSettings', index], port?.number ?? 0)),
    ];
  };
  return [
    ...of(spec.trafficPolicy, ['spec', 'trafficPolicy'], {}),
    ...(spec.subsets ?? []).flatMap(({ trafficPolicy, labels }, index) =>
      of(trafficPolicy, ['spec', 'subsets', index, 'trafficPolicy'], labels ?? {}),
    ),
  ];
}

/** The mode that a workload behind the port has, where it is not the one that is asked for. */
function conflictAt(
  { mesh, workloadsIn }: AnalysisContext,
  service: Service,
  port: ServicePort,
  { mode, subset }: Asked,
): ModeDecision | undefined {
  const wrong = mode === 'ISTIO_MUTUAL' ? 'DISABLE' : 'STRICT';
  const { selector, namespace } = service;
  if (selector === undefined) return undefined;
  const servers = workloadsIn(namespace).filter(({ labels }) => matchesLabels({ ...selector, ...subset }, labels));
  // Of a service whose pods nobody gave the namespace's mode is known.
  if (servers.length === 0) {
    const decision = mesh.security.namespaceMode(namespace);
    return decision.mode === wrong ? decision : undefined;
  }
  for (const { labels } of servers) {
    const { ports, byDefault } = mesh.security.workloadAuthentication(namespace, labels);
    const decision = (typeof port.targetPort === 'number' ? ports.get(port.targetPort) : undefined) ?? byDefault;
    if (decision.mode === wrong) return decision;
  }
  return undefined;
}

function told(
  rule: ApiObject<DestinationRule>,
  { mode, path }: Asked,
  service: Service,
  port: ServicePort,
  { cause }: ModeDecision,
): Diagnostic {
  const why = cause === undefined ? '' : ` (${refText(refOf(cause.object))} ${pathText(cause.path)})`;
  return diagnose(rule, path, {
    code: 'IST0113',
    severity: 'error',
    message:
      mode === 'ISTIO_MUTUAL'
        ? `asks for mutual TLS to ${service.host}:${port.number}, whose workloads take none${why}: every call fails`
        : `${mode === 'DISABLE' ? 'calls' : 'begins other TLS to'} ${service.host}:${port.number}${mode === 'DISABLE' ? ' in plaintext' : ''}, whose workloads take mutual TLS alone${why}: every call fails`,
    help: 'remove the mode: Lateen finds out what each workload takes',
  });
}
