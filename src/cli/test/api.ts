// Tests of a mesh's configuration in TypeScript, for node:test, vitest or any other runner: the engine of `lateen test` as functions.
//
//   import { meshFrom } from 'lateen/test';
//   const mesh = meshFrom('manifests/');
//   test('jason sees v2', () => mesh.expect('GET http://reviews:9080/', { headers: { 'end-user': 'jason' } }, { subset: 'v2' }));

import { AssertionError } from 'node:assert';
import { fit } from '../../api/fit.ts';
import { pathText } from '../../api/object.ts';
import { givenMesh, objectsIn } from '../given-mesh.ts';
import type { Answer } from '../why/ask.ts';
import { meshWorld } from '../why/mesh-world.ts';
import { story } from '../why/story.ts';
import { differences } from './check.ts';
import { testFile, type Expectation, type TestCase } from './format.ts';
import { observe } from './observed.ts';
import { askTest } from './results.ts';

/** How a request is made: the fields of a test beside `request` and `expect`. */
export type Manner = Omit<TestCase, 'request' | 'expect' | 'name'>;

export interface TestedMesh {
  /** What becomes of a request, step by step. Throws `Failure` for one that cannot be: an unknown workload, a bad URL. */
  readonly ask: (request: string, manner?: Manner) => Answer;
  /** Throws an `AssertionError` that tells the whole story where something else becomes of it. */
  readonly expect: (request: string, manner: Manner, expected: Expectation) => void;
}

/** The mesh that files and folders of manifests describe. Throws `Failure` where there is none. */
export function meshFrom(paths: string | readonly string[], options: { readonly meshConfig?: string } = {}): TestedMesh {
  const world = meshWorld(givenMesh(objectsIn(typeof paths === 'string' ? [paths] : paths), options));
  return {
    ask: (request, manner = {}) => askTest({ request, ...manner }, world),
    expect(request, manner, expected) {
      const test = { request, ...manner, expect: expected };
      const [wrong] = fit(testFile, { tests: [test] }).findings;
      if (wrong !== undefined) throw new TypeError(`${pathText(wrong.path.slice(2))}: ${wrong.message} (${wrong.help})`);
      const answer = askTest(test, world);
      const failures = differences(expected, observe(answer));
      if (failures.length === 0) return;
      const told = story({ ...answer, title: request, assumptions: [] }, { verbose: false, style: (_style, text) => text });
      throw new AssertionError({ message: `${failures.join('\n')}\n\n${told}` });
    },
  };
}
