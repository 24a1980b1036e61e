import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decode } from '../api/decode.ts';
import { meshConfigOf } from '../api/mesh-config.ts';
import { originOf, pathText, type ApiObject } from '../api/object.ts';
import type { ProxyConfig } from '../api/proxy-config.ts';
import { processSettings, type SettingsSources } from './proxy-settings.ts';

function proxyConfig(name: string, spec: object): ApiObject<ProxyConfig> {
  const document = { apiVersion: 'networking.istio.io/v1beta1', kind: 'ProxyConfig', metadata: { name }, spec };
  const { object, diagnostics } = decode(document, originOf('test'));
  assert.ok(object, JSON.stringify(diagnostics));
  return object as ApiObject<ProxyConfig>;
}

const said = (defaultConfig: object, given: Partial<SettingsSources> = {}) =>
  processSettings({
    config: meshConfigOf({ defaultConfig }).config,
    root: [],
    own: [],
    labels: { app: 'web' },
    annotations: {},
    ...given,
  });

const annotations = (yaml: string) => ({ 'proxy.istio.io/config': yaml });

const unset = {
  concurrency: undefined,
  drainSeconds: 45,
  terminationSeconds: undefined,
  statsPrefixes: [],
  statsSuffixes: [],
  statsRegexps: [],
  runtime: {},
  flushInterval: undefined,
  flushSize: undefined,
  maxConnections: undefined,
  meshId: undefined,
  capture: 'REDIRECT',
  metadata: {},
  environment: {},
};

test('what nobody sets is left to who starts the process, but for the time to drain', () => {
  const { settings, findings } = said({});
  assert.deepEqual(settings, unset);
  assert.deepEqual(findings, []);
});

test('the nearer word counts: selector, annotation, namespace, root namespace, mesh', () => {
  const selecting = proxyConfig('web', { selector: { matchLabels: { app: 'web' } }, concurrency: 5 });
  const general = proxyConfig('all', { concurrency: 3 });
  const root = [proxyConfig('mesh', { concurrency: 2 })];
  const annotation = annotations('concurrency: 4');
  const concurrency = (given: Partial<SettingsSources>) => said({ concurrency: 1 }, given).settings.concurrency;
  assert.equal(concurrency({ root, own: [general, selecting], annotations: annotation }), 5);
  assert.equal(concurrency({ root, own: [general], annotations: annotation }), 4);
  assert.equal(concurrency({ root, own: [general] }), 3);
  assert.equal(concurrency({ root }), 2);
  assert.equal(concurrency({}), 1);
});

test('0 is a word, a ProxyConfig without one is none, and other workloads have their own', () => {
  const zero = proxyConfig('zero', { selector: { matchLabels: { app: 'web' } }, concurrency: 0 });
  const silent = proxyConfig('silent', { selector: { matchLabels: { app: 'web' } } });
  const other = proxyConfig('other', { selector: { matchLabels: { app: 'db' } }, concurrency: 7 });
  assert.equal(said({ concurrency: 1 }, { own: [zero] }).settings.concurrency, 0);
  assert.equal(said({ concurrency: 1 }, { own: [silent] }).settings.concurrency, 1);
  assert.equal(said({ concurrency: 1 }, { own: [other] }).settings.concurrency, 1);
});

test("in the root namespace a selector is for that namespace's workloads, and of one rank the oldest counts", () => {
  const selecting = proxyConfig('web', { selector: { matchLabels: { app: 'web' } }, concurrency: 5 });
  assert.equal(said({}, { root: [selecting] }).settings.concurrency, undefined);
  const own = [proxyConfig('a', { concurrency: 2 }), proxyConfig('b', { concurrency: 3 })];
  assert.equal(said({}, { own }).settings.concurrency, 2);
});

test('the annotation counts over the mesh for draining and stats, in whole seconds and without empty patterns', () => {
  const mesh = { drainDuration: '20s', proxyStatsMatcher: { inclusionPrefixes: ['cluster.outbound'] } };
  assert.equal(said(mesh).settings.drainSeconds, 20);
  assert.deepEqual(said(mesh).settings.statsPrefixes, ['cluster.outbound']);
  const yaml = '{drainDuration: 1200ms, proxyStatsMatcher: {inclusionPrefixes: [""], inclusionSuffixes: [rq_total]}}';
  const { settings } = said(mesh, { annotations: annotations(yaml) });
  assert.deepEqual(settings, { ...unset, drainSeconds: 2, statsSuffixes: ['rq_total'] });
  assert.equal(said(mesh, { annotations: annotations('drainDuration: 0s') }).settings.drainSeconds, 1);
});

test('a wrong field of the annotation is left out and named; one that nothing reads says so', () => {
  const { settings, findings } = said(
    { concurrency: 2 },
    { annotations: annotations('{concurrency: many, drainDuration: 3s, statusPort: 1}') },
  );
  assert.equal(settings.concurrency, 2);
  assert.equal(settings.drainSeconds, 3);
  const at = 'metadata.annotations.proxy.istio.io/config';
  assert.deepEqual(
    findings.map(({ code, path }) => [code, pathText(path)]),
    [
      ['LAT1001', `${at}.concurrency`],
      ['LAT0002', `${at}.statusPort`],
    ],
  );
});

test('what the process is started with comes from the mesh, field by field under the annotation', () => {
  const mesh = {
    terminationDrainDuration: '3s',
    fileFlushInterval: '250ms',
    fileFlushMinSizeKb: 64,
    meshId: 'one',
    runtimeValues: { 'envoy.reloadable_features.x': 'true' },
    proxyStatsMatcher: { inclusionRegexps: ['http\\..*', ''] },
    connectionSettings: { globalDownstreamConnectionLimit: 9 },
  };
  const { settings } = said(mesh);
  assert.deepEqual(settings, {
    ...unset,
    terminationSeconds: 3,
    flushInterval: 250,
    flushSize: 64,
    meshId: 'one',
    runtime: { 'envoy.reloadable_features.x': 'true' },
    statsRegexps: ['http\\..*'],
    maxConnections: 9,
  });
  assert.equal(said(mesh, { annotations: annotations('meshId: two') }).settings.meshId, 'two');
  assert.equal(said({ interceptionMode: 'NONE' }).settings.capture, 'NONE');
  const kept = said({ interceptionMode: 'NONE' }, { annotations: annotations('interceptionMode: TPROXY') });
  assert.equal(kept.settings.capture, 'REDIRECT');
  assert.deepEqual(
    kept.findings.map(({ code }) => code),
    ['LAT0001'],
  );
  assert.equal(said({ connectionSettings: { globalDownstreamConnectionLimit: -1 } }).settings.maxConnections, undefined);
});

test('variables count one by one, by the same ranks; those of Istio are metadata, and none says who the proxy is', () => {
  const selecting = proxyConfig('web', { selector: { matchLabels: { app: 'web' } }, environmentVariables: { A: 'selected' } });
  const general = proxyConfig('all', { environmentVariables: { A: 'namespace', B: 'namespace', C: 'namespace' } });
  const root = [proxyConfig('mesh', { environmentVariables: { B: 'root', D: 'root', ISTIO_META_DNS_CAPTURE: 'false' } })];
  const yaml =
    '{proxyMetadata: {B: annotation, "no name": x, ISTIO_META_NAMESPACE: other, ISTIO_METAJSON_FLAGS: "[1]", ISTIO_METAJSON_BAD: "["}}';
  const { settings, findings } = said(
    { proxyMetadata: { D: 'mesh', E: 'mesh' } },
    { root, own: [general, selecting], annotations: annotations(yaml) },
  );
  assert.deepEqual(settings.environment, { A: 'selected', B: 'annotation', C: 'namespace', D: 'root', E: 'mesh' });
  assert.deepEqual(settings.metadata, { DNS_CAPTURE: 'false', FLAGS: [1] });
  assert.deepEqual(
    findings.map(({ code, message }) => `${code} ${message}`),
    [
      'IST0125 "no name" is not the name of a variable: the proxy does not get it',
      'IST0125 ISTIO_META_NAMESPACE is for the platform to say: the proxy does not get it',
      'IST0125 the value of ISTIO_METAJSON_BAD is not JSON: the proxy does not get it',
    ],
  );
});

test('an annotation that is no map says so, and counts for nothing', () => {
  for (const text of ['concurrency', '- a', '{concurrency: 2']) {
    const { settings, findings } = said({ concurrency: 1 }, { annotations: annotations(text) });
    assert.equal(settings.concurrency, 1);
    assert.deepEqual(
      findings.map(({ code, path }) => [code, pathText(path)]),
      [['IST0125', 'metadata.annotations.proxy.istio.io/config']],
    );
  }
  assert.deepEqual(said({}, { annotations: annotations(' ') }).findings, []);
});
