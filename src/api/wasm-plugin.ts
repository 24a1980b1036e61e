// WasmPlugin: a WebAssembly module in the chain of proxies (extensions.istio.io).

import type { Static } from 'typebox';
import { defineKind } from './kind.ts';
import { message } from './schema.ts';
import { documentOf } from './shared/document.ts';
import { policyTarget } from './shared/selector.ts';
import { checkTarget } from './shared/target.ts';
import { checkWasm, placement, wasmFields, wasmRequired } from './shared/wasm.ts';

const Spec = message(wasmRequired, { ...policyTarget, ...placement, ...wasmFields });

const schema = documentOf(Spec);
export type WasmPlugin = Static<typeof schema>;

export const wasmPlugin = defineKind({
  group: 'extensions.istio.io',
  kind: 'WasmPlugin',
  versions: ['v1alpha1'],
  plural: 'wasmplugins',
  shortNames: [],
  scope: 'namespaced',
  schema,
  checks: [({ spec }) => checkTarget(spec), ({ spec }) => checkWasm(spec, ['spec'])],
  columns: [{ name: 'URL', path: ['spec', 'url'] }],
  inEffect: false,
});
