// Services and subsets that nothing serves: requests for them get 503.

import { diagnose, type Diagnostic } from '../../../api/diagnostic.ts';
import type { DestinationRule } from '../../../api/destination-rule.ts';
import type { ApiObject } from '../../../api/object.ts';
import { coversHost, isWildcard, resolveHost } from '../../../mesh/hostname.ts';
import { labelsText, matchesLabels, type Labels } from '../../../mesh/labels.ts';
import { inClusters, type Service } from '../../../mesh/service.ts';
import { networking, type AnalysisContext } from '../context.ts';

/** Workloads that a service selects, as far as they are known; undefined where nothing can be said. */
function servers(context: AnalysisContext, service: Service): readonly { readonly labels: Labels }[] | undefined {
  const { selector, namespace } = service;
  if (selector === undefined || !context.knowsWorkloads(namespace)) return undefined;
  return context.workloadsIn(namespace).filter(({ labels }) => matchesLabels(selector, labels));
}

/** Some endpoint is there, whoever wrote it: a slice, a WorkloadEntry, another cluster. */
const hasEndpoints = ({ mesh }: AnalysisContext, service: Service): boolean =>
  service.ports.some(({ number }) => mesh.endpoints(service, number).value.length > 0);

export const idleServices = (context: AnalysisContext): Diagnostic[] =>
  context.mesh.services.all().flatMap((service) => {
    if (servers(context, service)?.length !== 0 || hasEndpoints(context, service)) return [];
    const { selector = {}, namespace, object, registry } = service;
    return [
      diagnose(object, ['spec', registry === 'Kubernetes' ? 'selector' : 'workloadSelector'], {
        code: 'LAT2101',
        severity: 'warning',
        message: `no workload in namespace ${namespace} has ${labelsText(selector)}: calls of ${service.host} get 503`,
        help: 'give the selector labels that the pods have, or remove the service',
      }),
    ];
  });

export function idleSubsets(context: AnalysisContext): Diagnostic[] {
  const used = usedSubsets(context);
  return context.of<DestinationRule>(networking, 'DestinationRule').flatMap((rule) => idleSubsetsOf(context, rule, used));
}

function idleSubsetsOf(context: AnalysisContext, rule: ApiObject<DestinationRule>, used: ReadonlySet<string>): Diagnostic[] {
  const { host, subsets = [] } = rule.body.spec;
  const whole = resolveHost(host, rule.metadata.namespace, context.mesh.domain);
  const named = isWildcard(whole)
    ? context.mesh.services.all().filter((service) => coversHost(whole, service.host))
    : context.mesh.servicesAt(whole);
  // Others have no endpoints that labels could tell apart.
  const services = named.filter(({ resolution, selector }) => resolution === 'endpoints' || selector !== undefined);
  const first = services[0];
  if (first === undefined || subsets.length === 0) return [];
  const given = services.flatMap((service) => inClusters(service)).map((service) => candidates(context, service));
  // Of a service of which nothing is known nothing can be said.
  if (given.some((list) => list === undefined)) return [];
  const labels = given.flatMap((list) => list ?? []);
  if (labels.length === 0) return [];
  return subsets.flatMap((subset, index) => {
    const isUsed = services.some((service) => used.has(`${service.host} ${subset.name}`));
    const wanted = Object.entries(subset.labels ?? {}).filter(([key]) => !isOfPlace(key));
    if (wanted.length === 0 || labels.some((each) => matchesLabels(Object.fromEntries(wanted), each))) return [];
    const [key = ''] = wanted[0] ?? [];
    const values = [...new Set(labels.flatMap((each) => each[key] ?? []))].sort();
    return [
      diagnose(rule, ['spec', 'subsets', index], {
        code: 'IST0173',
        severity: isUsed ? 'warning' : 'info',
        message: `subset ${subset.name} has no endpoint: no workload of ${first.host} has ${labelsText(subset.labels ?? {})}${isUsed ? '' : '; no rule leads to it'}`,
        help: values.length === 0 ? 'write labels that its pods have' : `${key} of its workloads is one of: ${values.join(', ')}`,
      }),
    ];
  });
}

/** `HOST SUBSET` of each subset that a rule leads to. */
const usedSubsets = ({ mesh }: AnalysisContext): ReadonlySet<string> =>
  new Set(
    mesh.routes
      .all()
      .flatMap(({ http, tls, tcp }) =>
        [
          ...http.flatMap(({ action, mirrors }) => [...(action.kind === 'forward' ? action.destinations : []), ...mirrors]),
          ...[...tls, ...tcp].flatMap(({ destinations }) => destinations),
        ].map(({ destination: { host, subset } }) => `${host} ${subset}`),
      ),
  );

/** Labels of all that may serve a service. */
function candidates(context: AnalysisContext, service: Service): readonly Labels[] | undefined {
  if (service.selector === undefined) {
    if (service.registry === 'Kubernetes' && !context.input.whole && !hasEndpoints(context, service)) return undefined;
    return service.ports.flatMap(({ number }) => context.mesh.endpoints(service, number).value.map(({ labels }) => labels));
  }
  const selected = servers(context, service)?.map(({ labels }) => labels);
  const written = service.ports.flatMap(({ number }) =>
    context.mesh.endpoints(service, number).value.map(({ labels }) => labels),
  );
  return selected === undefined && written.length === 0 ? undefined : [...(selected ?? []), ...written];
}

/** Labels that a workload has by where it runs. */
const isOfPlace = (key: string): boolean => /^topology\.|^kubernetes\.io\/hostname$|^failure-domain\./.test(key);
