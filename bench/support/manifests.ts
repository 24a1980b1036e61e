// Services with a workload, a rule and a policy each, as people write them: what plans and tests are measured on.

/** Services are spread over these: `ns-0`, `ns-1`, … */
export const namespaces = 20;

const manifest = (index: number, seconds: number): string => {
  const name = `svc-${index}`;
  const metadata = `{name: ${name}, namespace: ns-${index % namespaces}}`;
  return `---
apiVersion: v1
kind: Service
metadata: ${metadata}
spec: {selector: {app: ${name}}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: ${metadata}
spec:
  selector: {matchLabels: {app: ${name}}}
  template:
    metadata: {labels: {app: ${name}, version: v1}}
    spec: {containers: [{name: app, image: app}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: ${metadata}
spec:
  hosts: [${name}]
  http:
  - match: [{headers: {canary: {exact: please}}}]
    route: [{destination: {host: ${name}, subset: v1}}]
    timeout: ${seconds}s
  - route: [{destination: {host: ${name}}}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: ${metadata}
spec: {host: ${name}, subsets: [{name: v1, labels: {version: v1}}]}
`;
};

/** Four objects for each service; the rule of the seventh has a time-out of its own. */
export const manifests = (services: number, seconds: number): string =>
  Array.from({ length: services }, (_, index) => manifest(index, index === 7 ? seconds : 5)).join('');
