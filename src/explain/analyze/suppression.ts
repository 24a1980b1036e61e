// Findings that somebody has looked at and wants no more of: by a pattern, or by Istio's annotation on the object itself.

import type { Diagnostic } from '../../api/diagnostic.ts';
import { refKey, refOf, type ApiObject } from '../../api/object.ts';

/** `CODE`, or `CODE=KIND NAMESPACE/NAME` as well as Istio's `CODE=KIND NAME.NAMESPACE`; `*` stands for anything. */
export interface Suppression {
  readonly code: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

/** Undefined where the text is none. */
export function suppressionOf(text: string): Suppression | undefined {
  const [, code = '', subject] = /^((?:LAT|IST)(?:[0-9]{4}|[0-9]{0,3}\*)|\*)(?:=(.+))?$/.exec(text.trim()) ?? [];
  if (code === '') return undefined;
  if (subject === undefined) return { code, kind: '*', namespace: '*', name: '*' };
  const [, kind = '', whom = ''] = /^(\S+)\s+(\S+)$/.exec(subject) ?? (subject === '*' ? ['', '*', '*'] : []);
  if (kind === '') return undefined;
  if (whom === '*') return { code, kind, namespace: '*', name: '*' };
  const slash = whom.indexOf('/');
  if (slash >= 0) return { code, kind, namespace: whom.slice(0, slash), name: whom.slice(slash + 1) };
  const dot = whom.lastIndexOf('.');
  return dot < 0
    ? { code, kind, namespace: '*', name: whom }
    : { code, kind, namespace: whom.slice(dot + 1), name: whom.slice(0, dot) };
}

const fits = (pattern: string, text: string): boolean =>
  pattern === '*' ||
  new RegExp(
    `^${pattern
      .split('*')
      .map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&'))
      .join('.*')}$`,
  ).test(text);

const annotation = 'galley.istio.io/analyze-suppress';

/** Whether nobody wants to hear a finding. */
export function suppressor(
  objects: readonly ApiObject[],
  suppressions: readonly Suppression[],
): (diagnostic: Diagnostic) => boolean {
  const quiet = new Map(
    objects.flatMap((object): [string, ReadonlySet<string>][] => {
      const codes = object.metadata.annotations[annotation];
      return codes === undefined ? [] : [[refKey(refOf(object)), new Set(codes.split(',').map((code) => code.trim()))]];
    }),
  );
  return ({ code, object }) => {
    const own = object && quiet.get(refKey(object));
    if (own !== undefined && (own.has('*') || own.has(code))) return true;
    return suppressions.some(
      (one) =>
        fits(one.code, code) &&
        fits(one.kind, object?.kind ?? '') &&
        fits(one.name, object?.name ?? '') &&
        (fits(one.namespace, object?.namespace ?? '') || object?.namespace === ''),
    );
  };
}
