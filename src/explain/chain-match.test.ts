import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import {
  FilterChainMatch_ConnectionSourceType,
  FilterChainSchema,
  type FilterChainMatchSchema,
} from '../../gen/envoy/config/listener/v3/listener_components_pb.js';
import { chooseChain, type Arrival } from './chain-match.ts';

type Match = MessageInitShape<typeof FilterChainMatchSchema>;

const arrival: Arrival = {
  local: { address: '10.0.0.5', port: 80 },
  remote: { address: '10.0.0.9', port: 40_000 },
  peer: { address: '10.0.0.9', port: 40_000 },
  transport: 'raw_buffer',
  alpn: [],
  sni: '',
};

const choose = (matches: Readonly<Record<string, Match>>, of: Partial<Arrival> = {}) =>
  chooseChain(
    Object.entries(matches).map(([name, filterChainMatch]) => create(FilterChainSchema, { name, filterChainMatch })),
    { ...arrival, ...of },
  );
const range = (addressPrefix: string, prefixLen: number) => ({ addressPrefix, prefixLen });

test('a port that is named wins, and there is no way back from it', () => {
  const chains = { port: { destinationPort: 80, transportProtocol: 'tls' }, rest: {} };
  const plain = choose(chains);
  assert.equal(plain.chain, undefined);
  assert.match(plain.failed ?? '', /plain bytes, and only TLS is taken/);
  assert.deepEqual(
    plain.nearest.map(({ name }) => name),
    ['port'],
  );
  assert.equal(choose(chains, { transport: 'tls' }).chain?.name, 'port');
  assert.equal(choose(chains, { local: { address: '10.0.0.5', port: 81 } }).chain?.name, 'rest');
});

test('the narrowest range of addresses wins over what stands after it', () => {
  const chains = {
    wide: { prefixRanges: [range('10.0.0.0', 8)], serverNames: ['a.example'] },
    narrow: { prefixRanges: [range('10.0.0.0', 24)] },
    any: {},
  };
  assert.equal(choose(chains, { sni: 'a.example' }).chain?.name, 'narrow');
  assert.equal(choose(chains, { sni: 'a.example', local: { address: '10.1.0.1', port: 80 } }).chain?.name, 'wide');
  assert.equal(choose(chains, { local: { address: '10.1.0.1', port: 80 } }).chain, undefined);
  assert.equal(choose(chains, { local: { address: '192.168.0.1', port: 80 } }).chain?.name, 'any');
});

test('server names: exact, then wildcards from the longest, then none', () => {
  const chains = {
    exact: { serverNames: ['a.b.example'] },
    near: { serverNames: ['*.b.example'] },
    far: { serverNames: ['*.example'] },
    none: {},
  };
  const name = (sni: string) => choose(chains, { sni }).chain?.name;
  assert.deepEqual(['a.b.example', 'c.b.example', 'x.c.b.example', 'b.example', 'example', ''].map(name), [
    'exact',
    'near',
    'near',
    'far',
    'none',
    'none',
  ]);
});

test('application protocols go by what the caller offers first', () => {
  const chains = { h2: { applicationProtocols: ['h2'] }, h1: { applicationProtocols: ['http/1.1'] }, none: {} };
  assert.equal(choose(chains, { alpn: ['http/1.1', 'h2'] }).chain?.name, 'h1');
  assert.equal(choose(chains, { alpn: ['istio'] }).chain?.name, 'none');
});

test('who calls: type, range and port of the source', () => {
  const chains = {
    local: { sourceType: FilterChainMatch_ConnectionSourceType.SAME_IP_OR_LOOPBACK },
    office: { sourcePrefixRanges: [range('10.0.0.0', 24)], sourcePorts: [40_000] },
    others: { sourcePrefixRanges: [range('10.0.0.0', 24)] },
  };
  assert.equal(choose(chains, { remote: { address: '127.0.0.1' } }).chain?.name, 'local');
  assert.equal(choose(chains).chain?.name, 'office');
  assert.equal(choose(chains, { remote: { address: '10.0.0.9', port: 1 } }).chain?.name, 'others');
  assert.match(choose(chains, { remote: { address: '11.0.0.9' } }).failed ?? '', /not 11\.0\.0\.9/);
});

test('what stands in the way is said of every condition', () => {
  const failed = (match: Match, of: Partial<Arrival> = {}) => choose({ one: match }, of).failed ?? '';
  assert.match(failed({ destinationPort: 81 }), /for port 81, not for 80/);
  assert.match(failed({ prefixRanges: [range('10.1.0.0', 16)] }), /for 10\.1\.0\.0\/16, not for 10\.0\.0\.5/);
  assert.match(failed({ serverNames: ['a.example'] }), /names no server/);
  assert.match(failed({ serverNames: ['a.example'] }, { sni: 'b.example' }), /server name b\.example; there are a\.example/);
  assert.match(failed({ applicationProtocols: ['h2c'] }), /is not recognised as HTTP, and h2c is asked for/);
  assert.match(failed({ directSourcePrefixRanges: [range('10.1.0.0', 16)] }), /from 10\.1\.0\.0\/16 are taken/);
  assert.match(choose({}).failed ?? '', /no filter chains/);
});
