// An analysis for people: findings under their files, each with its place, its code, its object, and what to do.

import { countText, count } from '../diagnostics.ts';
import type { Style, Terminal } from '../terminal.ts';
import type { Finding, Report } from './report.ts';

const styles: Readonly<Record<Finding['severity'], Style>> = { error: 'red', warning: 'yellow', info: 'dim' };

export function reportText(
  { objects, findings, suppressed, skipped, referencesChecked }: Report,
  shown: readonly Finding[],
  terminal: Terminal,
): string {
  const lines: string[] = [];
  for (const [file, list] of Map.groupBy(shown, (finding) => finding.file ?? '')) {
    lines.push(terminal.style('bold', file === '' ? 'the mesh' : file));
    for (const finding of list) lines.push(...findingLines(finding, terminal), '');
  }
  const style: Terminal['style'] = (...text) => terminal.style(...text);
  for (const [what, list] of Map.groupBy(skipped, (one) => one.what)) {
    const places = list.slice(0, 3).map(({ file, line }) => (line === undefined ? file : `${file}:${line}`));
    lines.push(style('dim', `skipped: ${list.length} × ${what} (${places.join(', ')}${list.length > 3 ? ', …' : ''})`));
  }
  if (!referencesChecked && objects > 0)
    lines.push(style('dim', 'references to hosts and gateways are not checked: no Service is among the files'));
  const counts = countText(count(findings));
  const quiet = [
    ...(suppressed > 0 ? [`${suppressed} suppressed`] : []),
    ...(shown.length < findings.length ? [`${findings.length - shown.length} not shown`] : []),
  ];
  lines.push(
    `${objects} object${objects === 1 ? '' : 's'} analysed: ${[counts === '' ? 'nothing is wrong' : counts, ...quiet].join(', ')}`,
  );
  return lines.join('\n');
}

function findingLines(
  { file, line, column, severity, code, object, path, message, help }: Finding,
  terminal: Terminal,
): string[] {
  const style: Terminal['style'] = (...text) => terminal.style(...text);
  const place = file === undefined || line === undefined ? '' : `${file}:${line}:${column} `;
  const subject = [object ?? '', path].filter((part) => part !== '').join(' ');
  return [
    `  ${style('dim', place)}${style(styles[severity], severity)} ${code}${subject === '' ? '' : ` ${subject}`}`,
    `      ${message}`,
    ...(help === '' ? [] : [`      ${style('dim', '→')} ${help}`]),
  ];
}
