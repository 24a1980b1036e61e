// Gateways that no workload serves, ports that their Services do not lead to, and rules on tokens where no token is checked.

import { diagnose, type Diagnostic } from '../../../api/diagnostic.ts';
import type { Gateway } from '../../../api/gateway.ts';
import type { RequestAuthentication } from '../../../api/request-authentication.ts';
import type { ApiObject } from '../../../api/object.ts';
import { refOf, refText } from '../../../api/object.ts';
import { labelsText, matchesLabels } from '../../../mesh/labels.ts';
import { isHttpOrAuto } from '../../../mesh/protocol.ts';
import { networking, security, type AnalysisContext, type KnownWorkload } from '../context.ts';

export const gateways = (context: AnalysisContext): Diagnostic[] => [
  ...context.of<Gateway>(networking, 'Gateway').flatMap((gateway) => served(context, gateway)),
  ...uncheckedClaims(context),
  ...uncheckedTokens(context),
];

function served(context: AnalysisContext, gateway: ApiObject<Gateway>): Diagnostic[] {
  const { selector = {}, servers } = gateway.body.spec;
  const known = context.input.whole || context.workloads.some((workload) => workload.gateway);
  const workloads = context.workloads.filter(
    (workload) => matchesLabels(selector, workload.labels) && (workload.gateway || Object.keys(selector).length > 0),
  );
  if (workloads.length === 0) return known ? [unserved(context, gateway)] : [];
  return servers.flatMap(({ port }, index) => {
    const reached = workloads.map((workload) => leadsTo(context, workload, port.number));
    // Without a Service it is reached in some other way.
    if (reached.every((one) => one !== false)) return [];
    return [
      diagnose(gateway, ['spec', 'servers', index, 'port', 'number'], {
        code: 'IST0162',
        severity: 'warning',
        message: `no Service before the gateway has port ${port.number}: it is reached at its pods' addresses alone`,
        help: `add the port to the Service of the pods with ${labelsText(selector)}`,
      }),
    ];
  });
}

function unserved({ mesh }: AnalysisContext, gateway: ApiObject<Gateway>): Diagnostic {
  const { name, namespace } = gateway.metadata;
  const { selector = {} } = gateway.body.spec;
  const bound = mesh.gatewayRoutes(`${namespace}/${name}`, namespace).map(({ object }) => refText(refOf(object)));
  const rules = bound.length === 0 ? '' : `, nor the rules of ${bound.slice(0, 3).join(', ')}${bound.length > 3 ? ', …' : ''}`;
  return diagnose(gateway, Object.keys(selector).length > 0 ? ['spec', 'selector'] : ['spec'], {
    code: 'IST0101',
    severity: 'warning',
    message: `no workload has ${labelsText(selector) || 'a gateway’s proxy'}: nobody opens the ports${rules}`,
    help: 'run a gateway with these labels, or correct the selector',
  });
}

/** Whether a Service that selects a workload leads to a port, by its own number or where it ends; undefined where none selects it. */
function leadsTo({ mesh }: AnalysisContext, { namespace, labels }: KnownWorkload, number: number): boolean | undefined {
  const services = mesh
    .servicesIn(namespace)
    .filter(({ registry, selector }) => registry === 'Kubernetes' && selector !== undefined && matchesLabels(selector, labels));
  if (services.length === 0) return undefined;
  return services.some(({ ports }) =>
    ports.some(({ number: own, targetPort }) => own === number || targetPort === number || typeof targetPort === 'string'),
  );
}

const claim = '@request.auth.claims';

function uncheckedClaims(context: AnalysisContext): Diagnostic[] {
  const { mesh } = context;
  return mesh.routes.all().flatMap((route) => {
    const asking = route.http.flatMap(({ matches, object }) =>
      matches.flatMap((match) =>
        (['headers', 'withoutHeaders'] as const).flatMap((field) =>
          match[field].flatMap(([name]) =>
            name.startsWith(claim) ? [{ object, path: [...match.path, field, name], name }] : [],
          ),
        ),
      ),
    );
    const [first] = asking;
    const unchecked = route.gateways.find((name) => {
      const gateway = name === 'mesh' ? undefined : mesh.gateway(name);
      return gateway !== undefined && !checksTokens(context, gateway.selector, gateway.namespace);
    });
    if (first === undefined || unchecked === undefined) return [];
    return [
      diagnose(first.object, first.path, {
        code: 'IST0149',
        severity: 'error',
        message: `asks for a claim of a token, and no RequestAuthentication checks tokens at gateway ${unchecked}: the match never holds`,
        help: 'add a RequestAuthentication that selects the gateway’s workloads',
      }),
    ];
  });
}

function checksTokens(context: AnalysisContext, selector: Readonly<Record<string, string>>, home: string): boolean {
  const selected = context.workloads.filter(({ labels }) => matchesLabels(selector, labels));
  const workloads = selected.length > 0 ? selected : [{ namespace: home, labels: selector }];
  return context
    .of<RequestAuthentication>(security, 'RequestAuthentication')
    .some(({ metadata, body }) =>
      workloads.some(
        ({ namespace, labels }) =>
          [namespace, context.mesh.config.rootNamespace].includes(metadata.namespace) &&
          matchesLabels(body.spec?.selector?.matchLabels ?? {}, labels),
      ),
    );
}

/** Tokens are read from HTTP requests: at a workload whose ports all carry something else nothing is checked. */
function uncheckedTokens(context: AnalysisContext): Diagnostic[] {
  return context.of<RequestAuthentication>(security, 'RequestAuthentication').flatMap((policy) => {
    const labels = policy.body.spec?.selector?.matchLabels ?? {};
    const { namespace } = policy.metadata;
    if (Object.keys(labels).length === 0) return [];
    const services = context.mesh
      .servicesIn(namespace)
      .filter(
        ({ selector }) =>
          selector !== undefined &&
          context
            .workloadsIn(namespace)
            .some((workload) => matchesLabels(labels, workload.labels) && matchesLabels(selector, workload.labels)),
      );
    const ports = services.flatMap((service) => service.ports.map((port) => ({ service, port })));
    const [first] = ports;
    if (first === undefined || ports.some(({ port }) => isHttpOrAuto(port.protocol))) return [];
    return [
      diagnose(policy, ['spec', 'selector', 'matchLabels'], {
        code: 'IST0119',
        severity: 'warning',
        message: `checks no token: port ${first.port.number} of ${first.service.host} is declared ${first.port.protocol}, and so are all others of the workloads`,
        help: 'declare the port http, http2 or grpc: by appProtocol, or at the beginning of its name',
      }),
    ];
  });
}
