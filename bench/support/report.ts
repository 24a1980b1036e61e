// How benchmarks print: what was measured, the value, its target, and whether it was met. Run by run.ts, they also tell it the rows.

/** A printed row; without `met` it has no target. */
export interface Row {
  readonly what: string;
  readonly value: string;
  readonly target: string;
  readonly met?: boolean;
}

/** What a benchmark tells the process that runs it, over IPC. */
export type Told = Row | { readonly skipped: string };

export const header = (title: string): void => console.log(`\n## ${title}`);

export const tableLine = (what: string, value: string, target: string, verdict: string): string =>
  `${what.padEnd(44)} ${value.padEnd(52)} ${target.padEnd(12)} ${verdict}`.trimEnd();

export const verdictOf = ({ met }: Row): string => (met === undefined ? '' : met ? 'met' : 'MISSED');

export function row(what: string, value: string, target = '', met?: boolean): void {
  const told: Row = { what, value, target, ...(met !== undefined && { met }) };
  console.log(tableLine(what, value, target, verdictOf(told)));
  tell(told);
}

/** Says why a benchmark cannot run on this machine. */
export function skip(why: string): void {
  console.log(`SKIPPED: ${why}`);
  tell({ skipped: why });
}

const tell = (told: Told): void => void process.send?.(told);
