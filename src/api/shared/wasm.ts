// A WebAssembly module for proxies: in WasmPlugins and TrafficExtensions.

import type { Static } from 'typebox';
import { error } from '../finding.ts';
import type { Finding } from '../kind.ts';
import type { Path } from '../object.ts';
import { choice, freeForm, int32, list, message, pattern, portNumber, text, textOf } from '../schema.ts';
import { repeated } from './values.ts';

const EnvVar = message(
  { name: textOf({ minLength: 1, maxLength: 256 }) },
  { valueFrom: choice('INLINE', 'HOST'), value: textOf({ maxLength: 2048 }) },
);

export const wasmRequired = { url: textOf({ minLength: 1 }) };

export const wasmFields = {
  sha256: pattern('^$|^[a-f0-9]{64}$', '64 hexadecimal digits'),
  imagePullPolicy: choice('UNSPECIFIED_POLICY', 'IfNotPresent', 'Always'),
  imagePullSecret: textOf({ maxLength: 253 }),
  verificationKey: text,
  pluginConfig: freeForm,
  pluginName: textOf({ minLength: 1, maxLength: 256 }),
  failStrategy: choice('FAIL_CLOSE', 'FAIL_OPEN', 'FAIL_RELOAD'),
  vmConfig: message({}, { env: list(EnvVar, { maxItems: 256 }) }),
  type: choice('UNSPECIFIED_PLUGIN_TYPE', 'HTTP', 'NETWORK'),
};

export const Wasm = message(wasmRequired, wasmFields);
export type Wasm = Static<typeof Wasm>;

/** Where in a proxy's chain an extension stands, and for which traffic. */
export const placement = {
  phase: choice('UNSPECIFIED_PHASE', 'AUTHN', 'AUTHZ', 'STATS'),
  priority: int32,
  match: list(
    message(
      {},
      { mode: choice('UNDEFINED', 'CLIENT', 'SERVER', 'CLIENT_AND_SERVER'), ports: list(message({ number: portNumber }, {})) },
    ),
  ),
};

export function checkWasm({ url, sha256, vmConfig }: Wasm, path: Path): Finding[] {
  const findings: Finding[] = [];
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(url)?.[1]?.toLowerCase();
  if (scheme !== undefined && !['oci', 'http', 'https', 'file'].includes(scheme)) {
    findings.push(error('LAT1820', [...path, 'url'], `modules cannot be had by ${scheme}`, 'use oci, http, https or file'));
  }
  const digest = /@sha256:([a-f0-9]{64})$/.exec(url)?.[1];
  if (digest !== undefined && sha256 && digest !== sha256) {
    findings.push(error('LAT1820', [...path, 'sha256'], 'is not the digest in url', 'correct one of them'));
  }
  for (const [index, { valueFrom, value }] of (vmConfig?.env ?? []).entries()) {
    if (valueFrom !== 'HOST' || value === undefined) continue;
    findings.push(
      error('LAT1821', [...path, 'vmConfig', 'env', index, 'value'], 'a variable of the host has no value here', 'remove value'),
    );
  }
  for (const [index, { name }] of repeated(vmConfig?.env, (variable) => variable.name)) {
    findings.push(error('LAT1821', [...path, 'vmConfig', 'env', index], `${name} is set already`, 'remove one'));
  }
  return findings;
}
