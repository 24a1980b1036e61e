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
