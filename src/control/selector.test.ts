import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseSelector } from './selector.ts';

describe('parseSelector', () => {
  const labels = { app: 'web', tier: 'front', 'example.com/team': 'a-b' };
  const cases: [selector: string, matches: boolean][] = [
    ['', true],
    ['app=web', true],
    ['app==web', true],
    ['app=web,tier=back', false],
    ['app!=web', false],
    ['none!=x', true],
    ['tier in (back, front)', true],
    ['tier notin (back,front)', false],
    ['none notin (x)', true],
    ['none in ()', false],
    ['app', true],
    ['none', false],
    ['!none', true],
    ['!app', false],
    ['app=web,tier in (front,back),!none', true],
    ['example.com/team=a-b', true],
  ];
  for (const [selector, matches] of cases) {
    it(`${selector || 'nothing'}: ${matches}`, () => assert.equal(parseSelector(selector)?.(labels), matches));
  }
  for (const broken of ['a=b=c', 'a in b', '(', 'a,,b', '=x']) {
    it(`refuses ${broken}`, () => assert.equal(parseSelector(broken), undefined));
  }
});
