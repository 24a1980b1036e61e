// The tests of some files, each asked of the mesh that its manifests describe: what `lateen test` prints, in one shape.

import type { StepOrigin } from '../../explain/explanation.ts';
import { Failure } from '../failure.ts';
import { ask, type Answer, type Manner } from '../why/ask.ts';
import type { MeshProxy, MeshWorld } from '../why/mesh-world.ts';
import { questionOf } from '../why/question.ts';
import { differences } from './check.ts';
import type { Coverage } from './coverage.ts';
import type { TestCase } from './format.ts';
import { observe } from './observed.ts';
import type { FoundTest } from './read.ts';

export interface TestResult {
  readonly name: string;
  readonly file: string;
  readonly line: number | undefined;
  /** Why it fails, a line each; empty: it passes. */
  readonly failures: readonly string[];
  /** What to run to see it, where it fails. */
  readonly command: string;
  readonly decided: readonly StepOrigin[];
}

export interface TestReport {
  readonly results: readonly TestResult[];
  readonly coverage: Coverage;
}

export function runTest({ test, file, line }: FoundTest, world: MeshWorld): TestResult {
  const about = { name: test.name ?? test.request, file, line };
  try {
    const seen = observe(askTest(test, world));
    const failures = differences(test.expect, seen);
    return { ...about, failures, command: failures.length === 0 ? '' : commandOf(test), decided: seen.decided };
  } catch (error) {
    // A workload that is not there, a URL that is none.
    if (!(error instanceof Failure)) throw error;
    const text = error.help === '' ? error.message : `${error.message} (${error.help})`;
    return { ...about, failures: [text], command: '', decided: [] };
  }
}

/** Throws `Failure` for a request that cannot be. */
export function askTest(test: Omit<TestCase, 'expect' | 'name'>, world: MeshWorld): Answer {
  const question = questionOf(test.request.trim().split(/\s+/));
  if (question.kind === 'dns' || question.kind === 'happened')
    throw new Failure(`${test.request} is no request`, 'write METHOD URL, or tcp HOST:PORT');
  return ask(question, callerOf(test, world), mannerOf(test), world);
}

function callerOf({ from, gateway, namespace = 'default' }: Omit<TestCase, 'expect'>, world: MeshWorld): MeshProxy {
  if (from !== undefined && gateway !== undefined)
    throw new Failure('from and gateway say who is asked twice', 'give one of them');
  const named = gateway ?? from;
  if (named === undefined) return world.plainProxy(namespace);
  const proxy = world.proxyOf(named);
  if (gateway !== undefined && proxy.role !== 'router') throw new Failure(`${gateway} is no gateway`, 'ask from it with from');
  return proxy;
}

const mannerOf = ({
  headers = {},
  version = 'HTTP/1.1',
  sni,
  alpn,
  sourceIp,
  identity,
  claims,
}: Omit<TestCase, 'expect'>): Manner => ({
  headers: Object.entries(headers),
  version: version as Manner['version'],
  sni,
  alpn,
  sourceIp,
  identity,
  claims,
});

/** The same question to `lateen why`, for a shell. */
function commandOf({ request, from, gateway, headers = {}, sni, sourceIp, version }: TestCase): string {
  const words = [
    ...(from === undefined ? [] : ['--from', from]),
    ...(gateway === undefined ? [] : ['--gateway', gateway]),
    ...Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]),
    ...(sni === undefined ? [] : ['--sni', sni]),
    ...(sourceIp === undefined ? [] : ['--source-ip', sourceIp]),
    ...(version === 'HTTP/2' ? ['--http2'] : version === 'HTTP/1.0' ? ['--http1.0'] : []),
    ...request.trim().split(/\s+/),
  ];
  return words.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`)).join(' ');
}
