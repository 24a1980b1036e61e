// Labels and what selects by them.

import type { SetSelector } from '../api/shared/set-selector.ts';

export type Labels = Readonly<Record<string, string>>;

/** Whether every wanted label is there with its value; wanting nothing matches everything. */
export const matchesLabels = (wanted: Labels, labels: Labels): boolean =>
  Object.entries(wanted).every(([key, value]) => labels[key] === value);

/** Whether a selector over sets of values means these labels; an empty one means all. An operator that nobody knows means none. */
export const matchesSet = ({ matchLabels = {}, matchExpressions = [] }: SetSelector, labels: Labels): boolean =>
  matchesLabels(matchLabels, labels) &&
  matchExpressions.every(({ key, operator, values = [] }) => {
    const value = labels[key];
    switch (operator) {
      case 'In':
        return value !== undefined && values.includes(value);
      case 'NotIn':
        return value === undefined || !values.includes(value);
      case 'Exists':
        return value !== undefined;
      case 'DoesNotExist':
        return value === undefined;
      default:
        return false;
    }
  });

/** A text that is equal for equal labels, whatever their order. */
export const labelsText = (labels: Labels): string =>
  Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .sort()
    .join(',');

/** Labels that places have, whether or not somebody writes them. */
export const nodeLabel = 'kubernetes.io/hostname';
export const networkLabel = 'topology.istio.io/network';
const clusterLabel = 'topology.istio.io/cluster';
export const regionLabel = 'topology.kubernetes.io/region';
export const zoneLabel = 'topology.kubernetes.io/zone';
export const subZoneLabel = 'topology.istio.io/subzone';

/** Where something is, as far as labels say it. */
interface Place {
  readonly locality: { readonly region: string; readonly zone: string; readonly subZone: string };
  readonly cluster: string;
  readonly node: string;
  readonly network: string;
}

/** Labels with those of a place. They count over what is written, but for the network, which a workload may say itself. */
export function placeLabels(labels: Labels, { locality, cluster, node, network }: Place): Labels {
  const place = {
    [regionLabel]: locality.region,
    [zoneLabel]: locality.zone,
    [subZoneLabel]: locality.subZone,
    [clusterLabel]: cluster,
    [nodeLabel]: node,
    ...(labels[networkLabel] ? {} : { [networkLabel]: network }),
  };
  return { ...labels, ...Object.fromEntries(Object.entries(place).filter(([, value]) => value !== '')) };
}
