// The other samples, and what upstream's manifests ask of a laptop: names of all kinds, TCP by weight, pods outside the mesh.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { node, sample, startMesh, whyNoMesh, type RunningMesh } from '../support/mesh.ts';
import { sayOverTcp } from '../support/tcp.ts';
import { until } from '../support/until.ts';

const skip = whyNoMesh();

/** Object for object as Istio publishes it (with its namespace added), for the Python httpbin that it used to have. */
const gunicornHttpbin = `
apiVersion: v1
kind: Namespace
metadata:
  name: legacy
  labels:
    istio-injection: enabled
---
apiVersion: v1
kind: ServiceAccount
metadata:
  name: httpbin
  namespace: legacy
---
apiVersion: v1
kind: Service
metadata:
  name: httpbin
  namespace: legacy
  labels:
    app: httpbin
    service: httpbin
spec:
  ports:
  - name: http
    port: 8000
    targetPort: 8080
  selector:
    app: httpbin
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: httpbin
  namespace: legacy
spec:
  replicas: 1
  selector:
    matchLabels:
      app: httpbin
      version: v1
  template:
    metadata:
      labels:
        app: httpbin
        version: v1
    spec:
      serviceAccountName: httpbin
      containers:
      - image: docker.io/kennethreitz/httpbin
        imagePullPolicy: IfNotPresent
        name: httpbin
        command:
        - gunicorn
        - -b
        - "[::]:8080"
        - httpbin:app
        - -k
        - gevent
        env:
        - name: WORKON_HOME
          value: /tmp
        ports:
        - containerPort: 8080
`;

const others = `
apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  clusterIP: None
  selector:
    app: web
  ports:
  - name: http
    port: 5000
---
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: web
spec:
  serviceName: web
  replicas: 2
  selector:
    matchLabels:
      app: web
  template:
    metadata:
      labels:
        app: web
    spec:
      containers:
      - name: web
        image: docker.io/istio/examples-helloworld-v1
        ports:
        - containerPort: 5000
---
apiVersion: v1
kind: Service
metadata:
  name: alias
spec:
  type: ExternalName
  externalName: httpbin.default.svc.cluster.local
  ports:
  - name: http
    port: 8000
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: plain
spec:
  selector:
    matchLabels:
      app: plain
  template:
    metadata:
      labels:
        app: plain
        sidecar.istio.io/inject: "false"
    spec:
      containers:
      - name: plain
        image: curlimages/curl
        command: ["/bin/sleep", "infinity"]
`;

let mesh: RunningMesh;

before(async () => {
  if (skip !== false) return;
  mesh = await startMesh({
    files: [
      sample('httpbin/httpbin.yaml'),
      sample('curl/curl.yaml'),
      sample('helloworld/helloworld.yaml'),
      sample('tcp-echo/tcp-echo-services.yaml'),
    ],
    text: `${gunicornHttpbin}---${others}`,
  });
});

after(() => mesh?.[Symbol.asyncDispose]());

interface Seen {
  readonly headers: Readonly<Record<string, readonly string[] | string>>;
}

test('httpbin through the gateway', { skip }, async (t) => {
  t.after(() => mesh.delete(sample('httpbin/httpbin-gateway.yaml')));
  await mesh.apply(sample('httpbin/httpbin-gateway.yaml'));
  await until(
    async () => (await mesh.get('/status/418')).status === 418,
    () => 'the route to httpbin',
  );
  const { headers } = JSON.parse((await mesh.get('/headers')).body) as Seen;
  assert.match(
    String(headers['X-Forwarded-Client-Cert']),
    /URI=spiffe:\/\/cluster\.local\/ns\/istio-system\/sa\/istio-ingressgateway-service-account/,
  );
  assert.equal((await mesh.get('/post', { method: 'POST', body: 'x'.repeat(100_000) })).status, 200);
});

test('helloworld through the gateway, both versions', { skip }, async (t) => {
  t.after(() => mesh.delete(sample('helloworld/helloworld-gateway.yaml')));
  await mesh.apply(sample('helloworld/helloworld-gateway.yaml'));
  await until(
    async () => (await mesh.get('/hello')).status === 200,
    () => 'the route to helloworld',
  );
  const heard = new Set<string | undefined>();
  for (let asked = 0; asked < 40; asked++) {
    const { status, body } = await mesh.get('/hello');
    assert.equal(status, 200, `request ${asked}: ${body}\n${mesh.log}`);
    heard.add(/version: (v\d)/.exec(body)?.[1]);
  }
  assert.deepEqual(heard, new Set(['v1', 'v2']));
  assert.equal((await mesh.get('/other')).status, 404);
});

test('tcp-echo through the gateway: all to v1, then a fifth to v2', { skip }, async (t) => {
  t.after(() => mesh.delete(sample('tcp-echo/tcp-echo-all-v1.yaml')));
  await mesh.apply(sample('tcp-echo/tcp-echo-all-v1.yaml'));
  const say = async () => sayOverTcp(await mesh.port(31400), 'hello');
  const echoes = async (count: number) => (await Promise.all(Array.from({ length: count }, say))).toSorted();
  await until(
    async () => (await say()) === 'one hello',
    () => 'port 31400',
  );
  assert.deepEqual(await echoes(20), Array(20).fill('one hello'));

  await mesh.apply(sample('tcp-echo/tcp-echo-20-v2.yaml'));
  await until(
    async () => (await echoes(20)).includes('two hello'),
    () => 'v2',
  );
  const heard = await echoes(200);
  const second = heard.filter((answer) => answer === 'two hello').length;
  assert.deepEqual([...new Set(heard)], ['one hello', 'two hello']);
  // 40 wanted; five standard deviations of 200 draws.
  assert.ok(second > 12 && second < 68, `${second} of 200 went to v2`);
});

test('a service by every name it has', { skip }, async () => {
  for (const host of [
    'httpbin',
    'httpbin.default',
    'httpbin.default.svc',
    'httpbin.default.svc.cluster.local',
    'httpbin.legacy',
    'httpbin.legacy.svc.cluster.local',
  ]) {
    const { status, body } = await mesh.curl('curl', `http://${host}:8000/headers`);
    assert.equal(status, 200, `${host}: ${body}`);
    const { headers } = JSON.parse(body) as Seen;
    assert.match(String(headers['Host']), new RegExp(`^${host}:8000`));
    assert.match(String(headers['X-Forwarded-Client-Cert']), /URI=spiffe:\/\/cluster\.local\/ns\/default\/sa\/curl/, host);
  }
  const { status } = await mesh.curl('curl', 'http://nowhere:8000/headers');
  assert.equal(status, 0);
});

test('each pod of a headless service by its name, and all of them by the service’s', { skip }, async () => {
  for (const pod of ['web-0', 'web-1']) {
    const { status, body } = await mesh.curl('curl', `http://${pod}.web:5000/hello`);
    assert.equal(status, 200, body);
    assert.match(body, new RegExp(`instance: ${pod}`));
  }
  const { body } = await mesh.curl('curl', 'http://web.default.svc.cluster.local:5000/hello');
  assert.match(body, /instance: web-[01]/);
});

test('an ExternalName is another name for its service', { skip }, async () => {
  const { status, body } = await mesh.curl('curl', 'http://alias:8000/headers');
  assert.equal(status, 200, body);
  assert.match(body, /spiffe:\/\/cluster\.local\/ns\/default\/sa\/curl/);
});

test('a pod outside the mesh reaches service addresses, until mutual TLS is asked for', { skip }, async (t) => {
  const first = await mesh.curl('plain', 'http://httpbin:8000/headers');
  assert.equal(first.status, 200, first.body);
  assert.doesNotMatch(first.body, /X-Forwarded-Client-Cert/i);
  assert.equal((await mesh.curl('plain', 'http://web-1.web:5000/hello')).status, 200);

  t.after(() => mesh.delete(sample('security/peer-authentication-strict-default.yaml')));
  await mesh.apply(sample('security/peer-authentication-strict-default.yaml'));
  const refused = await until(
    async () => {
      const answer = await mesh.curl('plain', 'http://httpbin:8000/headers');
      return answer.status === 0 && answer;
    },
    () => 'a refusal',
  );
  assert.match(refused.body, /reset|empty reply|refused/i);
  assert.equal((await mesh.curl('curl', 'http://httpbin:8000/headers')).status, 200);
});

test('security samples: paths, methods and ports', { skip }, async (t) => {
  const get = async (path: string, ...more: string[]) => (await mesh.curl('curl', `http://httpbin:8000${path}`, ...more)).status;
  await mesh.apply(sample('security/httpbin-allow-path-ip.yaml'));
  await until(
    async () => (await get('/headers')) === 403,
    () => 'a denial',
  );
  assert.equal(await get('/ip'), 200);
  await mesh.delete(sample('security/httpbin-allow-path-ip.yaml'));

  await mesh.apply(sample('security/httpbin-deny-method-get.yaml'));
  await until(
    async () => (await get('/ip')) === 403 && (await get('/post', '-X', 'POST')) === 200,
    () => 'GET alone to be denied',
  );
  await mesh.delete(sample('security/httpbin-deny-method-get.yaml'));
  await until(
    async () => (await get('/ip')) === 200,
    () => 'GET again',
  );

  t.after(() => mesh.delete(sample('security/tcp-policy.yaml')));
  await mesh.apply(sample('security/tcp-policy.yaml'));
  const { address } = await mesh.pod('tcp-echo-v1');
  const say = (host: string, port: number) =>
    mesh.exec('curl', [
      node,
      '-e',
      `const s = require('node:net').connect(${port}, '${host}', () => s.write('hello there\\n'));
       s.on('data', (d) => { console.log(String(d).trim()); s.destroy(); }).on('end', () => console.log('closed')).on('error', (e) => console.log(e.code));
       s.setTimeout(3000, () => { console.log('silence'); s.destroy(); });`,
    ]);
  await until(
    async () => /closed|ECONNRESET/.test(await say(address, 9002)),
    () => 'port 9002 to be denied',
  );
  assert.match(await say('tcp-echo', 9000), /^(one|two) hello/);
  assert.match(await say('tcp-echo', 9001), /^(one|two) hello/);
});

test('what of these manifests a laptop cannot give is told once, and nothing else is left out', { skip }, async () => {
  assert.equal((await mesh.curl('curl', 'http://httpbin.legacy:8000/status/418')).status, 418);
  const told = mesh.log
    .slice(0, mesh.log.indexOf('everything is ready'))
    .match(/helloworld\.yaml:\d+:\d+: warning LAT2002 .*\.resources: /g);
  assert.equal(told?.length, 2, mesh.log);
  assert.doesNotMatch(mesh.log, /error (?:LAT|IST)/);
});
