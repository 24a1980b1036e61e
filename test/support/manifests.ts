// Manifests that end-to-end tests write as values, and the server outside the mesh that says who called it over TLS.

import { node } from './mesh.ts';

export const texts = (documents: readonly object[]): string =>
  documents.map((each) => JSON.stringify(each, undefined, 1)).join('\n---\n');

/** A ConfigMap or Secret. */
export const kept = (
  kind: 'ConfigMap' | 'Secret',
  name: string,
  entries: Readonly<Record<string, string>>,
  namespace = 'default',
) => ({
  apiVersion: 'v1',
  kind,
  metadata: { name, namespace },
  ...(kind === 'Secret' ? { stringData: entries } : { data: entries }),
});

interface PodMetadata {
  readonly labels?: object;
  readonly annotations?: object;
}

export const pod = (
  name: string,
  metadata: PodMetadata,
  container: object,
  volumes: readonly object[] = [],
  spec: object = {},
) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, ...metadata },
  spec: { containers: [{ name, image: 'curlimages/curl', ...container }], volumes, ...spec },
});

export const networking = (kind: string, name: string, spec: object, namespace = 'default') => ({
  apiVersion: 'networking.istio.io/v1',
  kind,
  metadata: { name, namespace },
  spec,
});

/** An Envoy alone, as users run one beside the ingress gateway. */
export const gatewayPods = (name: string, ports: readonly (readonly [number, number])[], annotations: object = {}): object[] => [
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'istio-system' },
    spec: {
      selector: { gateway: name },
      ports: ports.map(([port, targetPort]) => ({ name: `port-${port}`, port, targetPort })),
    },
  },
  {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: 'istio-system' },
    spec: {
      selector: { matchLabels: { gateway: name } },
      template: {
        metadata: { labels: { gateway: name }, annotations: { 'inject.istio.io/templates': 'gateway', ...annotations } },
        spec: { containers: [{ name: 'istio-proxy', image: 'auto' }] },
      },
    },
  },
];

export const gateway = (name: string, servers: readonly object[]) =>
  networking('Gateway', name, { selector: { gateway: name }, servers }, 'istio-system');

/** What the server says of a request. */
export interface Said {
  readonly url: string;
  readonly sni: string;
  /** The names of the client's certificate, if it was trusted. */
  readonly client: string;
}

/** Says what it was asked for and by whom. Outside the mesh it is the test's own; nothing of Lateen ends its TLS. */
const program = `
const { readFileSync } = require('node:fs');
const read = (name) => readFileSync('/etc/server/' + name);
require('node:https').createServer(
  { cert: read('tls.crt'), key: read('tls.key'), ca: read('clients.pem'), requestCert: true, rejectUnauthorized: false },
  ({ url, socket }, response) => {
    const { subjectaltname = '' } = socket.getPeerCertificate();
    response.setHeader('connection', 'close').end(JSON.stringify({ url, sni: socket.servername, client: socket.authorized ? subjectaltname : '' }));
  },
).listen(8443);
`;

/** The pod `secure` without a proxy. Its Secret `server` holds `tls.crt`, `tls.key`, and `clients.pem`: whom it trusts. */
export const secureServer = pod(
  'secure',
  { labels: { app: 'secure', 'sidecar.istio.io/inject': 'false' } },
  {
    command: [node, '-e', program],
    ports: [{ containerPort: 8443 }],
    volumeMounts: [{ name: 'server', mountPath: '/etc/server' }],
  },
  [{ name: 'server', secret: { secretName: 'server' } }],
);
