// What changes about how a listener takes connections: its chains and their filters, and the policies in these.

import type { JsonValue, Registry } from '@bufbuild/protobuf';
import { ListenerSchema, type Listener } from '../../../gen/envoy/config/listener/v3/listener_pb.js';
import type { Resource } from '../../compile/resource.ts';
import { originsOf, type Locate } from '../origins.ts';
import { policyOrigin } from '../policy-name.ts';
import { changedFields, fieldText, isObject, type FieldChange } from './json-changes.ts';
import { jsonOf, messageOf } from './messages.ts';
import type { Change, ChangeLine } from './plan.ts';
import type { Words } from './requests.ts';

export function connectionChanges(
  name: string,
  before: Resource | undefined,
  after: Resource | undefined,
  words: Words,
): Change[] {
  const [was, is] = [before, after].map((resource) => resource && messageOf(ListenerSchema, resource));
  if (was === undefined || is === undefined) {
    const [change, listener, locate] =
      was === undefined ? (['added', is, words.after] as const) : (['removed', was, words.before] as const);
    const sign = change === 'added' ? '+' : '-';
    const lines = [
      {
        sign,
        text: `a listener with ${counted(listener?.filterChains.length ?? 0)}`,
        origins: originsOf(listener?.metadata, locate),
      } as const,
    ];
    return [{ part: 'connections', subject: name, change, lines }];
  }
  const [old, now] = [was, is].map((listener) => openedListener(listener, words.registry));
  if (old === undefined || now === undefined) return [];
  const taken = takenChanges(was, is);
  // Which chains there are, and how they are told apart, follows from what is taken.
  const fields = changedFields(old.rest, now.rest).filter(({ path }) => taken.length === 0 || !matching.test(path));
  const lines = [...taken, ...ruleChanges(old.rules, now.rules, words), ...otherLines(fields, is, words.after)];
  return lines.length === 0 ? [] : [{ part: 'connections', subject: name, change: 'changed', lines }];
}

const matching = /^filterChains\[[^\]]*\](?:$|\.filterChainMatch)|^listenerFilters/;

const counted = (chains: number): string => (chains === 1 ? 'one filter chain' : `${chains} filter chains`);

interface OpenedListener {
  /** The rules of its authorization filters by their keys, with what they ask for. */
  readonly rules: ReadonlyMap<string, string>;
  /** All else, but for what says where it came from. */
  readonly rest: JsonValue;
}

function openedListener(listener: Listener, registry: Registry): OpenedListener {
  const rules = new Map<string, string>();
  return { rules, rest: withoutRules(jsonOf(ListenerSchema, listener, registry), rules) };
}

/** Authorization filters are one for all that they guard: their rules are told by name, once, wherever they stand. */
function withoutRules(json: JsonValue, rules: Map<string, string>): JsonValue {
  if (Array.isArray(json)) return json.map((item) => withoutRules(item, rules)).filter((item) => item !== guard);
  if (!isObject(json)) return json;
  const { typedConfig } = json;
  if (isObject(typedConfig) && isAuthorization(typedConfig['@type'])) {
    for (const field of ['rules', 'shadowRules']) {
      const set = typedConfig[field];
      if (!isObject(set)) continue;
      const action = `${field === 'rules' ? '' : 'dry run of '}${typeof set['action'] === 'string' ? set['action'] : 'ALLOW'}`;
      rules.set(action, '');
      for (const [key, rule] of Object.entries(isObject(set['policies']) ? set['policies'] : {}))
        rules.set(`${action} ${key}`, JSON.stringify(rule));
    }
    return guard;
  }
  const rest = Object.entries(json).filter(([key]) => key !== 'metadata');
  return Object.fromEntries(rest.map(([key, value]) => [key, withoutRules(value, rules)]));
}

const isAuthorization = (type: JsonValue | undefined): boolean => typeof type === 'string' && type.endsWith('.rbac.v3.RBAC');

const guard = 'authorization';

function ruleChanges(was: OpenedListener['rules'], is: OpenedListener['rules'], { before, after }: Words): ChangeLine[] {
  return [...new Set([...was.keys(), ...is.keys()])].flatMap((name): ChangeLine[] => {
    const [old, now] = [was.get(name), is.get(name)];
    if (old === now) return [];
    const sign = old === undefined ? '+' : now === undefined ? '-' : '~';
    const [, action = name, key] = /^(.*?) (ns\[.*)$/.exec(name) ?? [];
    if (key === undefined) {
      const text = action.endsWith('ALLOW') ? `${action}: what no rule lets in is denied` : `${action}: what a rule matches`;
      return sign === '~' ? [] : [{ sign, text, origins: [] }];
    }
    const origin = policyOrigin(key, sign === '-' ? before : after);
    return [
      {
        sign,
        text: `${action} ${origin === undefined ? key : `${origin.object} ${origin.path}`}`,
        origins: origin === undefined ? [] : [origin],
      },
    ];
  });
}

/** What a port takes, where chains tell mutual TLS and plaintext apart: the sum of them is what people ask for. */
function takenChanges(before: Listener, after: Listener): ChangeLine[] {
  const [was, is] = [takenBy(before), takenBy(after)];
  return [...is].flatMap(([port, words]): ChangeLine[] => {
    const old = was.get(port);
    return old === undefined || old === words ? [] : [{ sign: '~', text: `${port} takes ${old} → ${words}`, origins: [] }];
  });
}

function takenBy({ filterChains }: Listener): Map<string, string> {
  const transports = new Map<string, Set<string>>();
  for (const { filterChainMatch, transportSocket } of filterChains) {
    const port = filterChainMatch?.destinationPort;
    const place = port === undefined ? 'every other port' : `port ${port}`;
    const known = transports.get(place) ?? new Set();
    transports.set(place, known.add(transportSocket === undefined ? 'plaintext' : 'mutual TLS'));
  }
  return new Map([...transports].map(([place, kinds]) => [place, [...kinds].sort().join(' and ')]));
}

/** The same of several chains is one line. */
function otherLines(fields: readonly FieldChange[], listener: Listener, locate: Locate): ChangeLine[] {
  const byText = Map.groupBy(fields, (field) => {
    const path = field.path
      .replace(/^filterChains\[[^\]]*\]\.?/, '')
      .replaceAll(/typedConfig\.|filters\[envoy\.filters\.network\.([a-z_]+)\]\.?/g, '$1 ')
      .trim();
    const sign = field.before === undefined ? '+' : field.after === undefined ? '-' : '~';
    return `${sign} ${sign === '~' ? fieldText({ ...field, path }) : path}`;
  });
  return [...byText].map(([line, those]): ChangeLine => {
    const chains = new Set(those.flatMap(({ path }) => /^filterChains\[([^\]]*)\]/.exec(path)?.[1] ?? []));
    const of = listener.filterChains.find(({ name }) => chains.has(name))?.metadata;
    const [sign, text] = [line.slice(0, 1) as ChangeLine['sign'], line.slice(2)];
    const where = chains.size === 0 ? '' : chains.size === 1 ? `chain ${[...chains][0]}` : `${chains.size} chains`;
    return { sign, text: [where, text].filter((part) => part !== '').join(': '), origins: originsOf(of, locate) };
  });
}
