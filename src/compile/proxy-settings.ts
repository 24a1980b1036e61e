// What the settings of a workload's Envoy process come to: MeshConfig's `defaultConfig`, ProxyConfigs and the pod's annotation, merged.
// Who starts the process reads them; nothing of them is in what it is sent.

import { fit, isRecord } from '../api/fit.ts';
import { error, warning } from '../api/finding.ts';
import type { Finding } from '../api/kind.ts';
import type { MeshConfig } from '../api/mesh-config.ts';
import type { ApiObject } from '../api/object.ts';
import type { ProxyConfig } from '../api/proxy-config.ts';
import { checkInterception, ProxySettings } from '../api/shared/proxy-settings.ts';
import { findIdle } from '../api/idle-fields.ts';
import { milliseconds } from '../lib/duration.ts';
import { matchesLabels, type Labels } from '../mesh/labels.ts';
import { annotation, ownSettings, readsAsSettings } from './own-settings.ts';

type Configs = readonly ApiObject<ProxyConfig>[];
type Texts = Readonly<Record<string, string>>;

export interface SettingsSources {
  readonly config: MeshConfig;
  /** The root namespace's ProxyConfigs, oldest first; empty for a workload that is there itself. */
  readonly root: Configs;
  /** Those of the workload's namespace, oldest first. */
  readonly own: Configs;
  readonly labels: Labels;
  /** The pod's. */
  readonly annotations: Texts;
}

export interface ProcessSettings {
  /** Worker threads; 0 is one for each core; undefined where nobody says it. */
  readonly concurrency: number | undefined;
  /** Whole seconds, 1 or more. */
  readonly drainSeconds: number;
  /** Seconds that connections have to end when the proxy is ended; undefined: as long as for every drain. */
  readonly terminationSeconds: number | undefined;
  /** Stats to keep besides the default ones, by how their names begin and end, and by RE2 expressions for whole names. */
  readonly statsPrefixes: readonly string[];
  readonly statsSuffixes: readonly string[];
  readonly statsRegexps: readonly string[];
  /** Envoy's runtime flags. */
  readonly runtime: Texts;
  /** How often files of access logs are written, in milliseconds, and from how many kilobytes at once. */
  readonly flushInterval: number | undefined;
  readonly flushSize: number | undefined;
  /** Downstream connections over which new ones are refused. */
  readonly maxConnections: number | undefined;
  readonly meshId: string | undefined;
  /** Where the pod's own annotation says nothing of it. */
  readonly capture: 'REDIRECT' | 'NONE';
  /** What the proxy says of itself: `ISTIO_META_X` is `X`. */
  readonly metadata: Readonly<Record<string, unknown>>;
  /** The rest of the variables, for the process. */
  readonly environment: Texts;
}

/**
 * The strongest word for each setting: a ProxyConfig that selects the workload, then the annotation, then the ProxyConfig of its
 * namespace, that of the root namespace, and the mesh's defaults. Of several of one rank the oldest counts. The findings are about
 * the annotation, at paths in the pod.
 */
export function processSettings({ config, root, own, labels, annotations }: SettingsSources): {
  readonly settings: ProcessSettings;
  readonly findings: readonly Finding[];
} {
  const written = annotated(annotations);
  const merged = { ...config.defaultConfig, ...written.settings };
  const { inclusionPrefixes = [], inclusionSuffixes = [], inclusionRegexps = [] } = merged.proxyStatsMatcher ?? {};
  const selecting = own.find((each) => !isGeneral(each) && matchesLabels(selectorOf(each), labels))?.body.spec;
  const general = [own.find(isGeneral)?.body.spec, root.find(isGeneral)?.body.spec];
  const variables: Texts = Object.assign(
    {},
    config.defaultConfig.proxyMetadata,
    ...general.toReversed().map((spec) => spec?.environmentVariables),
    written.settings.proxyMetadata,
    selecting?.environmentVariables,
  );
  const limit = merged.connectionSettings?.globalDownstreamConnectionLimit;
  const settings: ProcessSettings = {
    concurrency:
      selecting?.concurrency ??
      written.settings.concurrency ??
      general.find((spec) => spec?.concurrency !== undefined)?.concurrency ??
      config.defaultConfig.concurrency,
    drainSeconds: Math.max(1, Math.ceil(milliseconds(merged.drainDuration) / 1000)),
    terminationSeconds: duration(merged.terminationDrainDuration, (ms) => ms / 1000),
    // Envoy takes no empty pattern.
    statsPrefixes: inclusionPrefixes.filter((text) => text !== ''),
    statsSuffixes: inclusionSuffixes.filter((text) => text !== ''),
    statsRegexps: inclusionRegexps.filter((text) => text !== ''),
    runtime: { ...merged.runtimeValues },
    flushInterval: duration(merged.fileFlushInterval, (ms) => Math.max(1, Math.trunc(ms))),
    flushSize: merged.fileFlushMinSizeKb,
    maxConnections: limit !== undefined && limit > 0 ? limit : undefined,
    meshId: merged.meshId || undefined,
    capture: merged.interceptionMode === 'NONE' ? 'NONE' : 'REDIRECT',
    metadata: metadataOf(variables),
    environment: Object.fromEntries(Object.entries(variables).filter(([name]) => isVariable(name) && !ofMetadata.test(name))),
  };
  return { settings, findings: [...written.findings, ...misnamed(variables)] };
}

const duration = (text: string | undefined, as: (ms: number) => number): number | undefined =>
  text === undefined ? undefined : as(milliseconds(text));

const selectorOf = ({ body }: ApiObject<ProxyConfig>): Labels => body.spec?.selector?.matchLabels ?? {};

/** For a whole namespace, or in the root namespace for the whole mesh. */
const isGeneral = (object: ApiObject<ProxyConfig>): boolean => Object.keys(selectorOf(object)).length === 0;

const ofMetadata = /^ISTIO_META(JSON)?_(.+)$/;
const isVariable = (name: string): boolean => /^[A-Za-z_][A-Za-z0-9_]*$/.test(name);

/** What a proxy is, its platform says, and nobody else. */
const identity = new Set(['NAME', 'NAMESPACE', 'SERVICE_ACCOUNT', 'INSTANCE_IPS', 'CLUSTER_ID', 'LABELS', 'ANNOTATIONS']);

/** `ISTIO_METAJSON_X` holds JSON; what is none is as if it were not there. */
function metadataOf(variables: Texts): Record<string, unknown> {
  const metadata: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(variables)) {
    const [, json, key] = ofMetadata.exec(name) ?? [];
    if (key === undefined || identity.has(key)) continue;
    const read = json === undefined ? value : parsed(value);
    if (read !== undefined) metadata[key] = read;
  }
  return metadata;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const misnamed = (variables: Texts): Finding[] =>
  Object.entries(variables).flatMap(([name, value]) => {
    const reason = !isVariable(name)
      ? `${JSON.stringify(name)} is not the name of a variable`
      : name.startsWith('ISTIO_METAJSON_') && parsed(value) === undefined
        ? `the value of ${name} is not JSON`
        : identity.has(ofMetadata.exec(name)?.[2] ?? '')
          ? `${name} is for the platform to say`
          : undefined;
    const at = ['metadata', 'annotations', annotation];
    return reason === undefined ? [] : [warning('IST0125', at, `${reason}: the proxy does not get it`, 'correct it')];
  });

/** What does not fit is left out, field by field. */
function annotated(annotations: Texts): { readonly settings: ProxySettings; readonly findings: readonly Finding[] } {
  const at = ['metadata', 'annotations', annotation];
  const text = annotations[annotation];
  if (text !== undefined && !readsAsSettings(text)) {
    const message = `the annotation ${annotation} is not a YAML map: nothing of it counts`;
    return {
      settings: {},
      findings: [error('IST0125', at, message, 'write field: value, as in the defaultConfig of MeshConfig')],
    };
  }
  const { value, findings } = fit(ProxySettings, ownSettings({ metadata: { ANNOTATIONS: annotations } }));
  const wrong = new Set(findings.filter(({ severity }) => severity === 'error').map(({ path }) => path[0]));
  const kept = Object.entries(isRecord(value) ? value : {}).filter(([name]) => !wrong.has(name));
  const settings = Object.fromEntries(kept) as ProxySettings;
  const idle = findIdle('MeshConfig', { defaultConfig: settings }).map((each) => ({ ...each, path: each.path.slice(1) }));
  const unmet = checkInterception(settings.interceptionMode, ['interceptionMode']);
  return { settings, findings: [...findings, ...idle, ...unmet].map((each) => ({ ...each, path: [...at, ...each.path] })) };
}
