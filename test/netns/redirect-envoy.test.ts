// A whole workload in real namespaces: its own socket, rules and stock Envoy carry its traffic, and nothing loops.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { deleteNamespaces, play, prefix, ways } from './redirect-support.ts';

const scenario = fileURLToPath(import.meta.resolve('./redirect-envoy-scenario.ts'));

after(deleteNamespaces);

/** `via` counts the connections that each of Envoy's two listeners took for the call. */
const expected = {
  'app -> 10.88.0.2:80': { answer: 'peer:80', via: { outbound: 1, inbound: 0 } },
  'app -> [fd88::2]:80': { answer: 'peer:80', via: { outbound: 1, inbound: 0 } },
  'peer -> 10.88.0.1:8080': { answer: 'app:8080', via: { outbound: 0, inbound: 1 } },
  'peer -> [fd88::1]:8080': { answer: 'app:8080', via: { outbound: 0, inbound: 1 } },
  'app -> own service, which is 10.88.0.1:8080': { answer: 'app:8080', via: { outbound: 1, inbound: 1 } },
  'app -> 10.88.0.1:8080': { answer: 'app:8080', via: { outbound: 0, inbound: 0 } },
  'peer -> 10.88.0.1:8080, after the end': { answer: 'app:8080' },
};

for (const { knownBy, before, skip } of ways) {
  test(`a workload with Envoy, known by its ${knownBy}`, { skip }, async () => {
    assert.deepEqual(await play(before, scenario, [knownBy, `${prefix}-envoy`]), expected);
  });
}
