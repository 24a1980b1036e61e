// TrafficExtension: a WebAssembly module or a Lua script in the chain of proxies (extensions.istio.io).

import type { Static } from 'typebox';
import { error } from './finding.ts';
import { defineKind, type Check } from './kind.ts';
import { list, message, textOf } from './schema.ts';
import { documentOf } from './shared/document.ts';
import { LabelSelector, PolicyTargetReference } from './shared/selector.ts';
import { checkTarget } from './shared/target.ts';
import { checkWasm, placement, Wasm } from './shared/wasm.ts';

const Spec = message(
  {},
  {
    selector: LabelSelector,
    targetRefs: list(PolicyTargetReference, { maxItems: 16 }),
    ...placement,
    wasm: Wasm,
    lua: message({ inlineCode: textOf({ minLength: 1, maxLength: 65_536 }) }, {}),
  },
);

const schema = documentOf(Spec);
export type TrafficExtension = Static<typeof schema>;

const extension: Check<TrafficExtension> = ({ spec: { wasm, lua } }) => {
  if ((wasm === undefined) === (lua === undefined)) {
    const text = wasm === undefined ? 'the extension has no program' : 'wasm and lua exclude each other';
    return [error('LAT1822', ['spec'], text, 'give one of wasm and lua')];
  }
  return wasm === undefined ? [] : checkWasm(wasm, ['spec', 'wasm']);
};

export const trafficExtension = defineKind({
  group: 'extensions.istio.io',
  kind: 'TrafficExtension',
  versions: ['v1alpha1'],
  plural: 'trafficextensions',
  shortNames: [],
  scope: 'namespaced',
  schema,
  checks: [({ spec }) => checkTarget(spec), extension],
  columns: [],
  inEffect: false,
});
