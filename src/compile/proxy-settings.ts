// What the settings of a workload's Envoy process come to: MeshConfig's `defaultConfig`, ProxyConfigs and the pod's annotation, merged.
// Who starts the process reads them; nothing of them is in what it is sent.

import { fit, isRecord } from '../api/fit.ts';
import type { Finding } from '../api/kind.ts';
import type { MeshConfig } from '../api/mesh-config.ts';
import type { ApiObject } from '../api/object.ts';
import type { ProxyConfig } from '../api/proxy-config.ts';
import { ProxySettings } from '../api/shared/proxy-settings.ts';
import { findUnread } from '../api/unread-fields.ts';
import { milliseconds } from '../lib/duration.ts';
import { matchesLabels, type Labels } from '../mesh/labels.ts';
import { annotation, ownSettings } from './own-settings.ts';

type Configs = readonly ApiObject<ProxyConfig>[];

export interface SettingsSources {
  readonly config: MeshConfig;
  /** The root namespace's ProxyConfigs, oldest first; empty for a workload that is there itself. */
  readonly root: Configs;
  /** Those of the workload's namespace, oldest first. */
  readonly own: Configs;
  readonly labels: Labels;
  /** The pod's. */
  readonly annotations: Readonly<Record<string, string>>;
}

export interface ProcessSettings {
  /** Worker threads; 0 is one for each core; undefined where nobody says it. */
  readonly concurrency: number | undefined;
  /** Whole seconds, 1 or more. */
  readonly drainSeconds: number;
  /** Stats to keep besides the default ones, by how their names begin and end. */
  readonly statsPrefixes: readonly string[];
  readonly statsSuffixes: readonly string[];
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
  const { drainDuration, proxyStatsMatcher } = { ...config.defaultConfig, ...written.settings };
  const { inclusionPrefixes = [], inclusionSuffixes = [] } = proxyStatsMatcher ?? {};
  const selecting = own.find((each) => !isGeneral(each) && matchesLabels(selectorOf(each), labels));
  const settings = {
    concurrency:
      selecting?.body.spec?.concurrency ??
      written.settings.concurrency ??
      own.find(isGeneral)?.body.spec?.concurrency ??
      root.find(isGeneral)?.body.spec?.concurrency ??
      config.defaultConfig.concurrency,
    drainSeconds: Math.max(1, Math.ceil(milliseconds(drainDuration) / 1000)),
    // Envoy takes no empty pattern.
    statsPrefixes: inclusionPrefixes.filter((text) => text !== ''),
    statsSuffixes: inclusionSuffixes.filter((text) => text !== ''),
  };
  return { settings, findings: written.findings };
}

const selectorOf = ({ body }: ApiObject<ProxyConfig>): Labels => body.spec?.selector?.matchLabels ?? {};

/** For a whole namespace, or in the root namespace for the whole mesh. */
const isGeneral = (object: ApiObject<ProxyConfig>): boolean => Object.keys(selectorOf(object)).length === 0;

/** What does not fit is left out, field by field. */
function annotated(annotations: SettingsSources['annotations']): {
  readonly settings: ProxySettings;
  readonly findings: readonly Finding[];
} {
  const { value, findings } = fit(ProxySettings, ownSettings({ metadata: { ANNOTATIONS: annotations } }));
  const wrong = new Set(findings.filter(({ severity }) => severity === 'error').map(({ path }) => path[0]));
  const kept = Object.entries(isRecord(value) ? value : {}).filter(([name]) => !wrong.has(name));
  const settings = Object.fromEntries(kept) as ProxySettings;
  const unread = findUnread('MeshConfig', { defaultConfig: settings }).map((each) => ({ ...each, path: each.path.slice(1) }));
  const at = ['metadata', 'annotations', annotation];
  return { settings, findings: [...findings, ...unread].map((each) => ({ ...each, path: [...at, ...each.path] })) };
}
