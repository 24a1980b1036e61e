import assert from 'node:assert/strict';
import { test } from 'node:test';
import { statusText } from './status.ts';

test('a configuration that did not arrive says why', () => {
  const text = statusText(
    [
      {
        namespace: 'shop',
        name: 'cart-1',
        proxy: 'starting',
        identity: '',
        certificateExpires: '',
        configuration: 'not arrived',
        problem: 'listeners cannot be computed: no such filter',
      },
    ],
    new Date(0),
    (_, plain) => plain,
  );
  assert.match(text, /^cart-1 +shop +starting +- +- +not arrived: listeners cannot be computed: no such filter$/m);
});
