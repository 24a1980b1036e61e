// Rules and matches of a VirtualService that no request reaches, because an earlier one of the same object takes all of theirs.

import { diagnose, type Diagnostic } from '../../../api/diagnostic.ts';
import { pathText, refOf, refText } from '../../../api/object.ts';
import type { HttpMatch, HttpRule, Route, TcpRule } from '../../../mesh/route.ts';
import type { AnalysisContext } from '../context.ts';
import { covers, coversSource } from '../coverage.ts';

/** Beyond this many matches of one object only the nearest earlier ones are looked at: the work grows with the square. */
const window = 400;

export const unreachableRules = ({ mesh }: AnalysisContext): Diagnostic[] =>
  mesh.routes.all().flatMap((route) => [...unreachableHttp(route), ...unreachableConnections(route, route.tcp, 'tcp')]);

interface Taken {
  readonly rule: HttpRule;
  readonly index: number;
  readonly match: HttpMatch | undefined;
}

function unreachableHttp(route: Route): Diagnostic[] {
  const found: Diagnostic[] = [];
  const taken: Taken[] = [];
  for (const [index, rule] of route.http.entries()) {
    const matches = rule.matches.length === 0 ? [undefined] : rule.matches;
    const hiding = matches.map((match) => taken.slice(-window).find((earlier) => covers(earlier.match, match)));
    const [first] = hiding;
    if (first !== undefined && hiding.every((one) => one !== undefined)) found.push(unreachable(route, rule, first));
    else
      for (const [at, one] of hiding.entries()) {
        const match = matches[at];
        if (one === undefined || match === undefined) continue;
        found.push(
          diagnose(rule.object, match.path, {
            code: 'IST0131',
            severity: 'info',
            message: `no request reaches this match: ${placeOf(route, rule, one)} takes all of them`,
            help: 'remove it, or move the rule before the other',
          }),
        );
      }
    // What nothing reaches hides nothing.
    for (const [at, match] of matches.entries()) if (hiding[at] === undefined) taken.push({ rule, index, match });
  }
  return found;
}

const unreachable = (route: Route, rule: HttpRule, first: Taken): Diagnostic =>
  diagnose(rule.object, rule.path, {
    code: 'IST0130',
    severity: 'warning',
    message: `no request reaches this rule: ${placeOf(route, rule, first)} takes all of them`,
    help:
      first.match === undefined ? 'move the rule without a match to the end' : 'move this rule before the other, or remove it',
  });

/** Names the earlier rule: within one object by its place alone. */
function placeOf(route: Route, later: HttpRule, { rule, match }: Taken): string {
  const place = pathText(match === undefined ? rule.path : match.path);
  const stranger = rule.object === later.object && rule.object === route.object ? '' : `${refText(refOf(rule.object))} `;
  return `${stranger}${place}`;
}

/** TCP rules: what is asked of a connection is its port, its address and who opens it. */
function unreachableConnections({ object }: Route, rules: readonly TcpRule[], word: string): Diagnostic[] {
  return rules.flatMap((rule, index) => {
    const hiding = rules
      .slice(0, index)
      .findIndex((earlier) =>
        (rule.matches.length === 0 ? [undefined] : rule.matches).every(
          (match) =>
            earlier.matches.length === 0 ||
            (match !== undefined &&
              earlier.matches.some(
                (other) =>
                  coversSource(other, match) &&
                  (other.destinationSubnets.length === 0 ||
                    (match.destinationSubnets.length > 0 &&
                      match.destinationSubnets.every((subnet) => other.destinationSubnets.includes(subnet)))),
              )),
        ),
      );
    if (hiding < 0) return [];
    return [
      diagnose(object, rule.path, {
        code: 'IST0130',
        severity: 'warning',
        message: `no connection takes this rule: spec.${word}[${hiding}] takes all of them`,
        help: 'move this rule before the other, or remove it',
      }),
    ];
  });
}
