import assert from 'node:assert/strict';
import { test } from 'node:test';
import { signal } from '@preact/signals-core';
import type { Configuration } from '../compile/configuration.ts';
import type { Resource } from '../compile/resource.ts';
import { realClock } from './clock.ts';
import { Views } from './views.ts';
import type { Member } from './view.ts';
import { Watches } from './watch.ts';

const none = signal<ReadonlyMap<string, Resource>>(new Map());
const nothing = signal<Resource | undefined>(undefined);
const names = signal<readonly string[]>([]);

const configuration = (id: string, endpointScope?: object): Configuration => ({
  id,
  clusters: none,
  listeners: none,
  endpoints: () => nothing,
  ...(endpointScope && { endpointScope }),
  route: () => nothing,
  secret: () => nothing,
  endpointNames: names,
  routeNames: names,
  secretNames: names,
  diagnostics: signal([]),
});

const viewsOf = () => new Views({ watches: new Watches(() => {}), clock: realClock, onTouch: () => {} });
const member = (): Member => ({ sent: 0 }) as unknown as Member;

test('classes of one endpoint scope share the view of the same endpoints, and no other', () => {
  const views = viewsOf();
  const scope = {};
  const [one, two, other] = [configuration('one', scope), configuration('two', scope), configuration('other', {})];
  const wanted = () => new Set(['a', 'b']);
  const first = views.join(member(), one, { type: 'endpoint', names: wanted(), table: '' });
  assert.equal(views.join(member(), two, { type: 'endpoint', names: wanted(), table: '' }), first);
  assert.notEqual(views.join(member(), other, { type: 'endpoint', names: wanted(), table: '' }), first);
  assert.notEqual(
    views.join(member(), two, { type: 'route', names: wanted(), table: '' }),
    views.join(member(), one, { type: 'route', names: wanted(), table: '' }),
  );
});

test('the last of several classes to leave a shared view closes it', () => {
  const views = viewsOf();
  const scope = {};
  const [left, right] = [member(), member()];
  const view = views.join(left, configuration('one', scope), { type: 'endpoint', names: new Set(['a']), table: '' });
  views.join(right, configuration('two', scope), { type: 'endpoint', names: new Set(['a']), table: '' });
  views.leave(left, view, false);
  assert.equal(views.size, 1);
  views.leave(right, view, false);
  assert.equal(views.size, 0);
});
