import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { addressText, parseAddress } from './address.ts';

describe('parseAddress', () => {
  const cases: [text: string, address: string | undefined][] = [
    ['127.0.0.1:15010', '127.0.0.1:15010'],
    ['15010', '127.0.0.1:15010'],
    [':15012', '0.0.0.0:15012'],
    ['[::1]:80', '[::1]:80'],
    ['localhost:0', 'localhost:0'],
    ['127.0.0.1:70000', undefined],
    ['example.com:80', undefined],
    ['[nonsense]:80', undefined],
    ['', undefined],
    ['abc', undefined],
  ];
  for (const [text, address] of cases) {
    it(`${text || 'nothing'} is ${address ?? 'no address'}`, () => {
      const parsed = parseAddress(text);
      assert.equal(parsed && addressText(parsed), address);
    });
  }
});
