import assert from 'node:assert/strict';
import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { inspect } from 'node:util';
import { effect } from '@preact/signals-core';
import { openAuthority, type Authority } from '../../ca/authority.ts';
import { issueWorkload } from '../../ca/issue.ts';
import { isRefusal } from '../../ca/refusal.ts';
import { writeRequest } from '../../ca/x509.ts';
import { WorkloadIdentity, type Clock, type Issuer } from './workload-identity.ts';

const id = { trustDomain: 'cluster.local', namespace: 'default', serviceAccount: 'reviews' };
const hour = 3600_000;

let state = '';
let authority: Authority;
before(async () => {
  state = await mkdtemp(join(tmpdir(), 'lateen-identity-'));
  authority = await openAuthority(state, { trustDomain: id.trustDomain });
});
after(() => rm(state, { recursive: true }));

/** A clock that stands still until told; `advance` runs what is due, in order, and waits for what it began. */
class HandClock implements Clock {
  time = Date.now();
  chance = 0.5;
  readonly timers = new Set<{ readonly due: number; readonly work: () => void }>();

  now(): number {
    return this.time;
  }

  random(): number {
    return this.chance;
  }

  after(milliseconds: number, work: () => void): () => void {
    const timer = { due: this.time + milliseconds, work };
    this.timers.add(timer);
    return () => this.timers.delete(timer);
  }

  /** Milliseconds until the next timer. */
  get next(): number {
    return Math.min(...[...this.timers].map(({ due }) => due)) - this.time;
  }

  async advance(milliseconds: number, settled: () => Promise<void>): Promise<void> {
    this.time += milliseconds;
    for (const timer of this.timers) {
      if (timer.due > this.time) continue;
      this.timers.delete(timer);
      timer.work();
    }
    await settled();
  }
}

const issuerAt =
  (clock: Clock): Issuer =>
  async (request, seconds) => {
    const issued = await issueWorkload(authority, request, id, seconds, { now: () => clock.now() });
    assert.ok(!isRefusal(issued));
    return [...issued.chain, issued.bundle.pem];
  };

test('a certificate is there after the start, and a new one with a new key at half its life', async () => {
  const clock = new HandClock();
  await using identity = new WorkloadIdentity({ id, issue: issuerAt(clock), clock });
  const serials: string[] = [];
  const stop = effect(() => {
    const serial = identity.credential.value?.serial;
    if (serial !== undefined) serials.push(serial);
  });
  await identity.start();
  const first = identity.credential.value;
  assert.ok(first);
  assert.ok(new X509Certificate(first.chain).verify(authority.signer.certificate.publicKey));
  assert.equal(first.bundle.pem, authority.bundle.pem);
  assert.deepEqual(identity.certificate.value, {
    id: 'spiffe://cluster.local/ns/default/sa/reviews',
    expires: first.notAfter,
    serial: first.serial,
  });
  assert.ok(Math.abs(clock.next - 12 * hour) < 1000, String(clock.next));

  await clock.advance(11 * hour, () => Promise.resolve());
  assert.equal(identity.credential.value, first);
  await clock.advance(1.01 * hour, () => identity.renew());
  const second = identity.credential.value;
  assert.ok(second);
  assert.notEqual(second.serial, first.serial);
  assert.notEqual(second.key.reveal(), first.key.reveal());
  assert.deepEqual(serials, [first.serial, second.serial]);
  stop();
});

test('the jitter is one percent of the life to each side', async () => {
  for (const [chance, share] of [
    [0, 0.49],
    [1, 0.51],
  ] as const) {
    const clock = new HandClock();
    clock.chance = chance;
    await using identity = new WorkloadIdentity({ id, issue: issuerAt(clock), clock });
    await identity.start();
    assert.ok(Math.abs(clock.next - share * 24 * hour) < 1000, `${clock.next} at ${chance}`);
  }
});

test('while the authority is away the old certificate stays, and tries come later and later', async () => {
  const clock = new HandClock();
  const working = issuerAt(clock);
  let away = false;
  const errors: string[] = [];
  const issue: Issuer = async (...words) => {
    if (away) throw new Error('connection refused');
    return working(...words);
  };
  await using identity = new WorkloadIdentity({ id, issue, clock, onError: ({ message }) => errors.push(message) });
  await identity.start();
  const first = identity.credential.value;
  away = true;
  const waits: number[] = [];
  await clock.advance(12.5 * hour, () => identity.renew());
  for (let count = 0; count < 10; count++) {
    waits.push(clock.next);
    await clock.advance(clock.next, () => identity.renew());
  }
  assert.equal(identity.credential.value, first);
  assert.match(identity.lastError.value?.message ?? '', /no certificate for spiffe:.*reviews: connection refused/);
  assert.equal(errors.length, 11);
  assert.deepEqual(
    waits,
    waits.toSorted((a, b) => a - b),
  );
  assert.ok((waits[1] ?? 0) > (waits[0] ?? 0) && (waits.at(-1) ?? Infinity) <= 60_000, waits.join());

  away = false;
  await clock.advance(clock.next, () => identity.renew());
  assert.notEqual(identity.credential.value?.serial, first?.serial);
  assert.equal(identity.lastError.value, undefined);
});

test('an authority that does not answer counts as failed', async () => {
  const clock = new HandClock();
  let told: AbortSignal | undefined;
  const asked = Promise.withResolvers<void>();
  const issue: Issuer = (_request, _seconds, signal) => {
    told = signal;
    asked.resolve();
    return new Promise(() => {});
  };
  await using identity = new WorkloadIdentity({ id, issue, clock });
  const started = identity.renew();
  await asked.promise;
  await clock.advance(30_000, () => started);
  assert.match(identity.lastError.value?.message ?? '', /did not answer within 30 s/);
  assert.equal(told?.aborted, true);
});

test('an answer that is not ours is not used', async () => {
  const clock = new HandClock();
  const working = issuerAt(clock);
  const other = { ...id, serviceAccount: 'ratings' };
  const wrong: Record<string, Issuer> = {
    'another key': async (_request, seconds, signal) => {
      const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      return working(await writeRequest(privateKey), seconds, signal);
    },
    'not of spiffe://cluster.local/ns/default/sa/reviews': async (request) => {
      const issued = await issueWorkload(authority, request, other);
      return isRefusal(issued) ? [] : [...issued.chain, issued.bundle.pem];
    },
    'not issued by an authority': async (...words) => (await working(...words)).slice(0, 1),
    'no PEM certificate': async () => [],
    'not valid before': async (request, seconds) => {
      const issued = await issueWorkload(authority, request, id, seconds, { now: () => clock.now() + hour });
      return isRefusal(issued) ? [] : [...issued.chain, issued.bundle.pem];
    },
  };
  for (const [about, issue] of Object.entries(wrong)) {
    await using identity = new WorkloadIdentity({ id, issue, clock });
    await identity.renew();
    assert.equal(identity.credential.value, undefined);
    const message = String(identity.lastError.value);
    assert.ok(message.includes(about), message);
  }
});

test('the end calls off timers and attempts, and the key is never printed', async () => {
  const clock = new HandClock();
  const identity = new WorkloadIdentity({ id, issue: issuerAt(clock), clock });
  await identity.start();
  const credential = identity.credential.value;
  assert.ok(credential);
  const body = credential.key.reveal().split('\n')[1] ?? '';
  assert.ok(body.length > 20);
  assert.ok(!inspect(identity, { depth: 10, showHidden: true }).includes(body));
  assert.ok(!JSON.stringify(credential).includes(body));
  const attempt = identity.start();
  await identity[Symbol.asyncDispose]();
  await attempt;
  assert.equal(clock.timers.size, 0);
  assert.equal(identity.credential.value, credential);
});

test('a start waits for the authority to come, and gives up when disposed of', async () => {
  const clock = new HandClock();
  const working = issuerAt(clock);
  let tries = 0;
  const issue: Issuer = async (...words) => {
    tries++;
    if (tries < 3) throw new Error('not yet');
    return working(...words);
  };
  await using identity = new WorkloadIdentity({ id, issue, clock });
  const started = identity.start();
  await identity.renew();
  await clock.advance(clock.next, () => identity.renew());
  await clock.advance(clock.next, () => identity.renew());
  await started;
  assert.ok(identity.credential.value);

  const hopeless = new WorkloadIdentity({ id, issue: () => Promise.reject(new Error('never')), clock });
  const given = assert.rejects(hopeless.start(), /has ended without a certificate/);
  await hopeless[Symbol.asyncDispose]();
  await given;
});
