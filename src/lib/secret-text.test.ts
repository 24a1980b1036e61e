import assert from 'node:assert/strict';
import { test } from 'node:test';
import { format, inspect } from 'node:util';
import { SecretText } from './secret-text.ts';

test('a secret is shown nowhere but where it is asked for', () => {
  const secret = new SecretText('hunter2');
  const shown = [
    String(secret),
    `${secret.toString()}`,
    '' + (secret as unknown as string),
    JSON.stringify({ key: secret }),
    inspect({ deep: { key: secret } }, { showHidden: true }),
    format('%s %o %O %j', secret, secret, secret, secret),
    Object.values(secret).join(),
  ].join('\n');
  assert.ok(!shown.includes('hunter2'), shown);
  assert.ok(shown.includes('[redacted]'));
  assert.equal(secret.reveal(), 'hunter2');
});
