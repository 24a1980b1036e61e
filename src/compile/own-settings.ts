// What a proxy's own settings say, where its agent or its pod has any (istio.md §1.13): they count over the mesh's defaultConfig.

import { parse } from 'yaml';
import { isRecord } from '../api/fit.ts';
import type { MeshConfig } from '../api/mesh-config.ts';
import type { ProxyNode } from './configuration.ts';
import { isSet } from './node.ts';

/** The pod's annotation that holds settings as YAML. */
export const annotation = 'proxy.istio.io/config';

/** `PROXY_CONFIG` as agents say it, else the pod's annotation; not checked. */
export function ownSettings({ metadata }: Pick<ProxyNode, 'metadata'>): Readonly<Record<string, unknown>> {
  const annotations = metadata['ANNOTATIONS'];
  return record(metadata['PROXY_CONFIG']) ?? record(isRecord(annotations) ? annotations[annotation] : undefined) ?? {};
}

/** Whether an annotation's text is settings at all; an empty one says nothing. */
export const readsAsSettings = (text: string): boolean => text.trim() === '' || record(text) !== undefined;

/** Whether the pod has an annotation for settings that says nothing. */
export function hasUnreadableSettings({ metadata }: Pick<ProxyNode, 'metadata'>): boolean {
  const annotations = metadata['ANNOTATIONS'];
  const text = isRecord(annotations) ? annotations[annotation] : undefined;
  return typeof text === 'string' && !readsAsSettings(text);
}

function record(value: unknown): Readonly<Record<string, unknown>> | undefined {
  if (typeof value !== 'string') return isRecord(value) ? value : undefined;
  try {
    const document: unknown = parse(value);
    return isRecord(document) ? document : undefined;
  } catch {
    return undefined;
  }
}

/** Whether the proxy serves HTTP/1.0: Istio's agents say it of themselves, after `proxyMetadata.ISTIO_META_HTTP10`. */
export function servesHttp10(node: ProxyNode, { defaultConfig }: MeshConfig): boolean {
  const said = node.metadata['HTTP10'];
  if (said !== undefined) return isSet(said);
  const { proxyMetadata } = ownSettings(node);
  const own = isRecord(proxyMetadata) ? proxyMetadata[http10] : undefined;
  return isSet(own ?? defaultConfig.proxyMetadata?.[http10]);
}

const http10 = 'ISTIO_META_HTTP10';
