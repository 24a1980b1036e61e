// Which rules of the objects no test has sent a request through.

import { pathText, refOf, refText, type ApiObject } from '../../api/object.ts';
import type { StepOrigin } from '../../explain/explanation.ts';

export interface Rule {
  /** `VirtualService/default/reviews`. */
  readonly object: string;
  /** `spec.http[0]`. */
  readonly path: string;
  /** `reviews.yaml:12`. */
  readonly place: string | undefined;
}

export interface Coverage {
  readonly rules: number;
  readonly missed: readonly Rule[];
}

/** Where the kinds that decide about requests have their rules. */
const rulesOf: Readonly<Record<string, readonly string[]>> = {
  VirtualService: ['http', 'tls', 'tcp'],
  AuthorizationPolicy: ['rules'],
};

export function coverageOf(objects: readonly ApiObject[], decided: Iterable<StepOrigin>): Coverage {
  const taken = new Map<string, Set<string>>();
  for (const { object, path } of decided) {
    const paths = taken.get(object) ?? new Set();
    taken.set(object, paths.add(path));
  }
  const rules = objects.flatMap(rulesIn);
  const covered = ({ object, path }: Rule): boolean =>
    [...(taken.get(object) ?? [])].some((each) => each === path || each.startsWith(`${path}.`));
  return { rules: rules.length, missed: rules.filter((rule) => !covered(rule)) };
}

function rulesIn(object: ApiObject): Rule[] {
  if (!object.apiVersion.includes('istio.io/')) return [];
  const spec = (object.body['spec'] ?? {}) as Readonly<Record<string, unknown>>;
  return (rulesOf[object.kind] ?? []).flatMap((field) => {
    const list = spec[field];
    if (!Array.isArray(list)) return [];
    return list.map((_rule, index): Rule => {
      const path = ['spec', field, index];
      const line = object.origin.position(path)?.line;
      const place = line === undefined ? undefined : `${object.origin.source}:${line}`;
      return { object: refText(refOf(object)), path: pathText(path), place };
    });
  });
}
