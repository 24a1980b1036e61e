// A stand-in for the kinds in tests of sources: takes any object, refuses one that says `refuse: true`.

import { diagnose } from '../api/diagnostic.ts';
import type { ApiObject } from '../api/object.ts';
import type { Decode } from './manifest.ts';

export const decodeAnything: Decode = (document, origin) => {
  const { name = '', namespace = 'default' } = (document['metadata'] ?? {}) as { name?: string; namespace?: string };
  const object: ApiObject = {
    apiVersion: String(document['apiVersion']),
    kind: String(document['kind']),
    metadata: { name, namespace, labels: {}, annotations: {} },
    body: document,
    origin,
  };
  if (document['refuse'] !== true) return { object, diagnostics: [] };
  return {
    diagnostics: [diagnose(object, ['refuse'], { code: 'LAT0102', severity: 'error', message: 'refused', help: 'do not' })],
  };
};
