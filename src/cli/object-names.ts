// How kubectl's users name objects: `vs reviews ratings`, `vs,dr`, `vs/reviews dr/ratings`.

import { usageFailure } from './failure.ts';

export interface KindNames {
  /** One kind, or several with commas between. */
  readonly kind: string;
  readonly names: readonly string[];
}

export function splitNames(args: readonly string[]): KindNames[] {
  const [kind, ...names] = args;
  if (kind === undefined) throw usageFailure('which kind?', 'for example vs, dr, gateway or virtualservices.networking.istio.io');
  if (!args.some((arg) => arg.includes('/'))) {
    if (kind.includes(',') && names.length > 0) throw usageFailure('names need a single kind', 'or write each as KIND/NAME');
    return [{ kind, names }];
  }
  const byKind = new Map<string, string[]>();
  for (const arg of args) {
    const [word, name, ...rest] = arg.split('/');
    if (word === undefined || word === '' || name === undefined || name === '' || rest.length > 0) {
      throw usageFailure(`${arg} is not KIND/NAME`, 'write all of them so, or give one kind and then names');
    }
    byKind.set(word, [...(byKind.get(word) ?? []), name]);
  }
  return [...byKind].map(([word, list]) => ({ kind: word, names: list }));
}
