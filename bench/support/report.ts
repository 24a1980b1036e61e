// How benchmarks print: what was measured, the value, its target, and whether it was met.

export const header = (title: string): void => console.log(`\n## ${title}`);

export function row(what: string, value: string, target = '', met?: boolean): void {
  const verdict = met === undefined ? '' : met ? 'met' : 'MISSED';
  console.log(`${what.padEnd(44)} ${value.padEnd(52)} ${target.padEnd(12)} ${verdict}`.trimEnd());
}
