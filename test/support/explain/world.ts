// The small world of the differential test: its services, pods and words. All addresses are loopback's, so that a real proxy on one
// machine reaches everything; words are few, so that rules meet requests, and nearly meet them, all the time.

export type Document = Readonly<Record<string, unknown>>;

export const object = (apiVersion: string, kind: string, name: string, namespace: string, spec: object): Document => ({
  apiVersion,
  kind,
  metadata: { name, namespace },
  spec,
});

/** Which proxy: the caller's sidecar, where it calls from; a pod's sidecar, where it is called; the ingress gateway. */
export type Side = 'outbound' | 'inbound' | 'gateway';

export interface Scene {
  readonly side: Side;
  /** Of `inbound`: the pod's name. */
  readonly pod: string;
  /** Besides the pods, which are always there. */
  readonly documents: readonly Document[];
  /** MeshConfig, over Istio's defaults. */
  readonly mesh: Readonly<Record<string, unknown>>;
}

/** Where the upstream servers of the world listen: HTTP, what is sniffed, gRPC, bytes, TLS. */
export const targetPorts = { http: 28_080, auto: 28_081, grpc: 28_070, tcp: 28_090, tls: 28_443 };

export interface PortOf {
  readonly name: string;
  readonly port: number;
  readonly targetPort: number;
}

export interface ServiceOf {
  readonly name: string;
  readonly namespace: string;
  readonly clusterIP: string;
  readonly ports: readonly PortOf[];
}

export interface PodOf {
  readonly name: string;
  readonly namespace: string;
  readonly app: string;
  readonly version: string;
  readonly account: string;
  readonly ip: string;
  /** `region/zone/subzone`; empty where nothing says it. */
  readonly place: string;
  readonly sidecar: boolean;
}

const { http, auto, grpc, tcp, tls } = targetPorts;

const portOf = (name: string, port: number, targetPort: number): PortOf => ({ name, port, targetPort });
const serviceOf = (name: string, namespace: string, clusterIP: string, ...ports: readonly PortOf[]): ServiceOf => ({
  name,
  namespace,
  clusterIP,
  ports,
});
const pages = portOf('http', 9080, http);
const sniffed = (name: string): PortOf => portOf(name, 8000, auto);

export const services: readonly ServiceOf[] = [
  serviceOf('reviews', 'default', '127.96.0.1', pages, portOf('grpc-api', 7070, grpc), portOf('tcp-raw', 9000, tcp)),
  serviceOf('ratings', 'default', '127.96.0.2', pages, sniffed('')),
  serviceOf(
    'api',
    'shop',
    '127.96.1.1',
    portOf('http-web', 80, http),
    portOf('http2', 81, grpc),
    portOf('https', 443, tls),
    sniffed('auto'),
  ),
  serviceOf('db', 'shop', '127.96.1.2', portOf('tcp-db', 5432, tcp), portOf('tls', 9443, tls), portOf('http-admin', 9080, http)),
];

const pod = (name: string, namespace: string, ip: string, { place = '', sidecar = true } = {}): PodOf => {
  const [app = '', version = ''] = name.split('-');
  return { name, namespace, app, version, account: app, ip, place, sidecar };
};

export const caller = pod('sleep-v1', 'default', '127.1.9.1', { place: 'r1/z1/s1' });

export const pods: readonly PodOf[] = [
  caller,
  pod('reviews-v1', 'default', '127.1.0.1', { place: 'r1/z1/s1' }),
  pod('reviews-v2', 'default', '127.1.0.2', { place: 'r1/z2/s1' }),
  pod('reviews-v3', 'default', '127.1.0.3', { place: 'r2/z1', sidecar: false }),
  pod('ratings-v1', 'default', '127.1.0.11'),
  pod('api-v1', 'shop', '127.1.1.1', { place: 'r2/z1/s1' }),
  pod('api-v2', 'shop', '127.1.1.2', { place: 'r3/z1/s1' }),
  pod('db-v1', 'shop', '127.1.1.21', { place: 'r1/z1/s2' }),
];

export const podNamed = (name: string): PodOf => pods.find((each) => each.name === name) ?? caller;

export const identityOf = ({ namespace, account }: Pick<PodOf, 'namespace' | 'account'>): string =>
  `spiffe://cluster.local/ns/${namespace}/sa/${account}`;

export const hostOf = ({ name, namespace }: Pick<ServiceOf, 'name' | 'namespace'>): string =>
  `${name}.${namespace}.svc.cluster.local`;

/** Names of the outside. */
export const outside = ['api.ext.example', 'www.ext.example', 'tcp.ext.example', 'vm.ext.example'] as const;

/** The loopback address that stands for a name of the outside. */
export const addressOf = (name: string): string => {
  const at = (outside as readonly string[]).indexOf(name);
  return `127.77.1.${at < 0 ? 99 : at + 1}`;
};

/** Everybody whom an upstream server may have to prove to be. */
export const provenNames = {
  uris: [...pods, { namespace: 'default', account: 'vm' }].map(identityOf),
  dnsNames: [...outside, ...services.map(hostOf), 'shop.example', 'secure.example'],
};

export const podDocument = ({ name, namespace, app, version, account, ip, place, sidecar }: PodOf): Document => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name,
    namespace,
    labels: {
      app,
      version,
      ...(sidecar && { 'security.istio.io/tlsMode': 'istio' }),
      ...(place !== '' && { 'istio-locality': place.replaceAll('/', '.') }),
    },
  },
  spec: { serviceAccountName: account, containers: [{ name: 'main', image: 'main' }] },
  status: { podIP: ip },
});

/** A service with its pods' endpoints; `ports` are those of its ports that it has. */
export function serviceDocuments(
  { name, namespace, clusterIP }: ServiceOf,
  ports: readonly PortOf[],
  headless = false,
): Document[] {
  const behind = pods.filter((each) => each.app === name && each.namespace === namespace);
  const text = (portName: string): object => (portName === '' ? {} : { name: portName });
  return [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace },
      spec: {
        clusterIP: headless ? 'None' : clusterIP,
        selector: { app: name },
        ports: ports.map(({ name: portName, port, targetPort }) => ({ ...text(portName), port, targetPort })),
      },
    },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: `${name}-1`, namespace, labels: { 'kubernetes.io/service-name': name } },
      addressType: 'IPv4',
      ports: ports.map(({ name: portName, targetPort }) => ({ ...text(portName), port: targetPort })),
      endpoints: behind.map((each) => ({
        addresses: [each.ip],
        targetRef: { kind: 'Pod', name: each.name, namespace: each.namespace },
      })),
    },
  ];
}

/** Words of requests and of what they are matched by. */
export const words = {
  paths: [
    '/',
    '/a',
    '/a/',
    '/ab',
    '/a/b',
    '/b',
    '/A',
    '/A/b',
    '/api',
    '/api/v1',
    '/api/v1/items',
    '/api/v2x',
    '/healthz',
    '/a//b',
    '/a/../b',
    '/a/./b',
    '/a%2Fb',
    '/%61',
    '/a%20b',
    '/a;x=1',
    '/a.b',
    '/api/v1/',
    '//a',
    '/a//',
    '/a/b/..',
    '/..',
    '/a/%2e%2E/b',
    '/%2Fa',
    '/a%5Cb',
    '/a\\b',
    '/a%',
    '/a%zz/b',
    '/a%3Fq=1',
    '/%E2%82%AC',
  ],
  queries: [
    '',
    '',
    '',
    '?',
    '?q=1',
    '?q=',
    '?q',
    '?q=1&q=2',
    '?x=y&q=1',
    '?Q=1',
    '?q=%31',
    '?q=12',
    '?a=/b',
    '?q=1;x=y',
    '?q=a+b',
    '?q==1',
    '?&q=1',
    '?q=1?',
  ],
  methods: ['GET', 'GET', 'GET', 'POST', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'],
  headers: ['x-user', 'x-version', 'cookie', 'content-type', 'x-empty'],
  values: [
    'ann',
    'bob',
    'anna',
    'Ann',
    'v1',
    'v2',
    '',
    'user=ann; x=1',
    'application/grpc',
    'application/grpc+proto',
    'text/plain',
    'ann,bob',
    'ANN',
    'ann bob',
  ],
  sources: ['127.10.0.1', '127.10.0.77', '127.11.9.9', '127.20.1.5', caller.ip],
  blocks: ['127.10.0.1', '127.10.0.0/24', '127.10.0.0/15', '127.20.1.0/24', '0.0.0.0/0'],
  origins: ['https://a.example', 'https://b.example', 'http://a.example:8080', 'null'],
};
