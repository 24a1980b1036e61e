// Labels and what selects by them.

export type Labels = Readonly<Record<string, string>>;

/** Whether every wanted label is there with its value; wanting nothing matches everything. */
export const matchesLabels = (wanted: Labels, labels: Labels): boolean =>
  Object.entries(wanted).every(([key, value]) => labels[key] === value);

/** A text that is equal for equal labels, whatever their order. */
export const labelsText = (labels: Labels): string =>
  Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .sort()
    .join(',');

/** Labels that places have, whether or not somebody writes them. */
export const nodeLabel = 'kubernetes.io/hostname';
export const networkLabel = 'topology.istio.io/network';
export const clusterLabel = 'topology.istio.io/cluster';
export const regionLabel = 'topology.kubernetes.io/region';
export const zoneLabel = 'topology.kubernetes.io/zone';
export const subZoneLabel = 'topology.istio.io/subzone';
