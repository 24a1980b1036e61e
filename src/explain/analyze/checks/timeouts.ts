// Rules whose timeout is over before the retries that they ask for could begin.

import { diagnose, type Diagnostic } from '../../../api/diagnostic.ts';
import type { AnalysisContext } from '../context.ts';

export const shortTimeouts = ({ mesh }: AnalysisContext): Diagnostic[] =>
  mesh.routes.all().flatMap((route) =>
    route.http.flatMap(({ timeout, retries, object, path }) => {
      const perTry = retries?.perTryTimeout ?? 0;
      const attempts = retries?.attempts ?? 0;
      if (timeout === undefined || timeout === 0 || perTry === 0 || attempts === 0 || timeout > attempts * perTry) return [];
      // The last try would begin when all before it have taken their time.
      const possible = Math.max(0, Math.ceil(timeout / perTry) - 1);
      return [
        diagnose(object, [...path, 'retries'], {
          code: 'LAT2108',
          severity: 'warning',
          message: `the timeout of ${seconds(timeout)} is over after ${tries(possible + 1)} of ${seconds(perTry)}: ${possible === 0 ? 'a try that times out is never retried' : `of ${attempts} retries at most ${possible} can begin`}`,
          help: `set timeout above ${seconds(attempts * perTry)}, or perTryTimeout below ${seconds(timeout / (attempts + 1))}`,
        }),
      ];
    }),
  );

const seconds = (milliseconds: number): string => `${Number((milliseconds / 1000).toFixed(3))}s`;
const tries = (count: number): string => (count === 1 ? 'one try' : `${count} tries`);
