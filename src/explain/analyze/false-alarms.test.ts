// False alarms: what people write every day has no finding worth a warning, and every golden case's input can be analysed.

import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { decode } from '../../api/decode.ts';
import { diagnosticText } from '../../api/diagnostic.ts';
import { meshConfigDefaults, meshConfigOf } from '../../api/mesh-config.ts';
import { meshNetworksOf } from '../../api/mesh-networks.ts';
import { originOf, type ApiObject } from '../../api/object.ts';
import { loadFiles, readManifest } from '../../sources/manifest.ts';
import { goldenCases } from '../../../test/support/golden-case.ts';
import { analyze } from './analyze.ts';

const root = join(import.meta.dirname, '../../..');

function alarms(objects: readonly ApiObject[]): string[] {
  const { diagnostics } = analyze({ objects, meshConfig: meshConfigDefaults(), whole: false });
  return diagnostics.filter(({ severity }) => severity !== 'info').map(diagnosticText);
}

const usual = `apiVersion: v1
kind: Namespace
metadata: {name: prod, labels: {istio-injection: enabled}}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: web, namespace: prod}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: prod}
spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: http}, {name: http-metrics, port: 9090}, {name: grpc, port: 9000}]}
---
apiVersion: v1
kind: Service
metadata: {name: web-headless, namespace: prod}
spec: {clusterIP: None, selector: {app: web}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: pg, namespace: prod}
spec: {type: ExternalName, externalName: db.example.com, ports: [{port: 5432}]}
---
apiVersion: v1
kind: Service
metadata: {name: legacy, namespace: prod}
spec: {ports: [{name: http, port: 80}]}
---
apiVersion: v1
kind: Endpoints
metadata: {name: legacy, namespace: prod}
subsets: [{addresses: [{ip: 192.168.1.5}], ports: [{name: http, port: 8080}]}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: prod, annotations: {kubectl.kubernetes.io/last-applied-configuration: x, deployment.kubernetes.io/revision: "1"}}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata:
      labels: {app: web, version: v1, sidecar.istio.io/inject: "true"}
      annotations: {prometheus.io/scrape: "true", proxy.istio.io/config: "concurrency: 2", traffic.sidecar.istio.io/excludeOutboundPorts: "5432", sidecar.istio.io/proxyCPU: 100m, istio.io/rev: default}
    spec: {serviceAccountName: web, containers: [{name: app, image: web, ports: [{name: http, containerPort: 8080}]}]}
---
apiVersion: networking.istio.io/v1beta1
kind: Gateway
metadata: {name: public, namespace: prod}
spec:
  selector: {istio: ingressgateway}
  servers:
  - port: {number: 80, name: http, protocol: HTTP}
    hosts: ["shop.example.com", "www.shop.example.com"]
    tls: {httpsRedirect: true}
  - port: {number: 443, name: https, protocol: HTTPS}
    hosts: ["shop.example.com", "www.shop.example.com"]
    tls: {mode: SIMPLE, credentialName: shop-cert}
---
apiVersion: networking.istio.io/v1beta1
kind: VirtualService
metadata: {name: web, namespace: prod}
spec:
  hosts: ["shop.example.com", web.prod.svc.cluster.local]
  gateways: [public, mesh]
  http:
  - match: [{uri: {prefix: /api/v2}}, {headers: {x-beta: {exact: "1"}}, uri: {prefix: /api}}]
    route: [{destination: {host: web, subset: v1, port: {number: 80}}, weight: 100}]
    retries: {attempts: 2, perTryTimeout: 2s, retryOn: "5xx,reset"}
    timeout: 10s
  - match: [{uri: {prefix: /}}]
    route: [{destination: {host: web, port: {number: 80}}}]
---
apiVersion: networking.istio.io/v1beta1
kind: VirtualService
metadata: {name: www, namespace: prod}
spec:
  hosts: ["www.shop.example.com"]
  gateways: [public]
  http: [{redirect: {authority: shop.example.com}}]
---
apiVersion: networking.istio.io/v1beta1
kind: DestinationRule
metadata: {name: web, namespace: prod}
spec: {host: web.prod.svc.cluster.local, trafficPolicy: {tls: {mode: ISTIO_MUTUAL}, connectionPool: {http: {http1MaxPendingRequests: 10}}}, subsets: [{name: v1, labels: {version: v1}}]}
---
apiVersion: networking.istio.io/v1beta1
kind: DestinationRule
metadata: {name: default, namespace: istio-system}
spec: {host: "*.local", trafficPolicy: {tls: {mode: ISTIO_MUTUAL}}}
---
apiVersion: networking.istio.io/v1beta1
kind: ServiceEntry
metadata: {name: ext, namespace: prod}
spec: {hosts: [api.stripe.com], ports: [{number: 443, name: tls, protocol: TLS}], resolution: DNS, location: MESH_EXTERNAL, exportTo: ["."]}
---
apiVersion: networking.istio.io/v1beta1
kind: Sidecar
metadata: {name: default, namespace: prod}
spec: {egress: [{hosts: ["./*", "istio-system/*"]}]}
---
apiVersion: security.istio.io/v1beta1
kind: PeerAuthentication
metadata: {name: default, namespace: istio-system}
spec: {mtls: {mode: STRICT}}
---
apiVersion: security.istio.io/v1beta1
kind: PeerAuthentication
metadata: {name: web-metrics, namespace: prod}
spec: {selector: {matchLabels: {app: web}}, mtls: {mode: STRICT}, portLevelMtls: {9090: {mode: PERMISSIVE}}}
---
apiVersion: security.istio.io/v1beta1
kind: AuthorizationPolicy
metadata: {name: deny-all, namespace: prod}
spec: {}
---
apiVersion: security.istio.io/v1beta1
kind: AuthorizationPolicy
metadata: {name: web, namespace: prod}
spec:
  selector: {matchLabels: {app: web}}
  action: ALLOW
  rules:
  - from: [{source: {principals: ["cluster.local/ns/istio-system/sa/istio-ingressgateway-service-account"]}}]
    to: [{operation: {methods: [GET, POST], paths: ["/api/*"]}}]
  - from: [{source: {namespaces: [monitoring]}}]
    to: [{operation: {ports: ["9090"]}}]
---
apiVersion: telemetry.istio.io/v1alpha1
kind: Telemetry
metadata: {name: mesh, namespace: istio-system}
spec: {accessLogging: [{providers: [{name: envoy}]}]}
---
apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: {name: lua, namespace: prod}
spec:
  workloadSelector: {labels: {app: web}}
  configPatches:
  - applyTo: HTTP_FILTER
    match: {context: SIDECAR_INBOUND, listener: {filterChain: {filter: {name: envoy.filters.network.http_connection_manager, subFilter: {name: envoy.filters.http.router}}}}}
    patch: {operation: INSERT_BEFORE, value: {name: lua, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua, default_source_code: {inline_string: "function envoy_on_request(h) end"}}}}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web, namespace: prod}
spec: {minAvailable: 1}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web, namespace: prod}
spec: {}
`;

test('a namespace as people write it', () => {
  assert.deepEqual(alarms(readManifest(usual, 'f.yaml', decode).items.flatMap(({ object }) => object ?? [])), []);
});

const programs = ['bookinfo/bookinfo', 'helloworld/helloworld', 'httpbin/httpbin', 'tcp-echo/tcp-echo', 'curl/curl'].map((name) =>
  join(root, 'samples', `${name}.yaml`),
);
const subsets = ['destination-rule-all', 'bookinfo-gateway'].map((name) =>
  join(root, 'samples/bookinfo/networking', `${name}.yaml`),
);

/** What is true of a sample, beside the programs and subsets of Bookinfo. */
const known: Readonly<Record<string, readonly string[]>> = {
  'fault-injection-details-v1': ['IST0130'],
  'virtual-service-details-v2': ['IST0173'],
  'httpbin-deny-method-get': ['LAT1710'],
  'tcp-echo-20-v2': ['IST0101'],
};

for (const path of globSync('samples/{security,helloworld,httpbin,bookinfo/policy,bookinfo/networking,tcp-echo}/*.yaml', {
  cwd: root,
}).sort()) {
  const name = path.slice(path.lastIndexOf('/') + 1, -'.yaml'.length);
  if (
    programs.includes(join(root, path)) ||
    subsets.includes(join(root, path)) ||
    name.startsWith('destination-rule') ||
    name === 'tcp-echo-services'
  )
    continue;
  test(`the sample ${path}`, () => {
    const { objects } = loadFiles([...programs, ...subsets, join(root, path)], decode);
    const codes = [...new Set(alarms(objects).map((text) => /(?:LAT|IST)[0-9]{4}/.exec(text)?.[0]))];
    assert.deepEqual(
      codes.filter((code) => !(known[name] ?? []).includes(code ?? '')),
      [],
      alarms(objects).join('\n'),
    );
  });
}

test('the input of every golden case', () => {
  const read = (documents: readonly object[]) =>
    documents.flatMap((document) => decode(document, originOf('input')).object ?? []);
  for (const { name, given } of goldenCases()) {
    const input = {
      objects: read(given.input),
      meshConfig: meshConfigOf(given.meshConfig ?? {}).config,
      meshNetworks: meshNetworksOf(given.meshNetworks ?? {}).networks,
      remote: new Map(Object.entries(given.remote ?? {}).map(([id, documents]) => [id, read(documents)])),
      whole: false,
    };
    const told = analyze(input).diagnostics;
    assert.deepEqual(
      analyze({ ...input, objects: input.objects.toReversed() }).diagnostics,
      told,
      `${name}: the order of objects changes the findings`,
    );
  }
});
