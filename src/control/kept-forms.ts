// What is taken away from under rules and stays until the last of them lets go: subsets of DestinationRules, Services, ServiceEntries,
// their ports, rules that are handed over to. Which of an earlier form was lost, whether rules want it, and the present form with it.

import type { DestinationRule } from '../api/destination-rule.ts';
import type { ApiObject } from '../api/object.ts';
import type { Service } from '../api/service.ts';
import type { ServiceEntry } from '../api/service-entry.ts';
import type { VirtualService } from '../api/virtual-service.ts';
import type { Unmet } from '../compile/unmet.ts';
import { coversHost, resolveHost } from '../mesh/hostname.ts';

export interface Keeping {
  /** Whether the present form lacks something that rules may lead to. */
  loses(before: ApiObject, present: ApiObject | undefined): boolean;
  /** Whether a form has what a rule lacks. */
  has(form: ApiObject, lack: Unmet, domain: string): boolean;
  /** The present form with what the rules want of the earlier one. */
  kept(before: ApiObject, present: ApiObject | undefined, wanted: readonly Unmet[]): ApiObject;
}

const bodyWith = (object: ApiObject, spec: object): ApiObject => ({ ...object, body: { ...object.body, spec } });

const ruleOf = (object: ApiObject): DestinationRule['spec'] => (object.body as unknown as DestinationRule).spec;

/** Subsets stay one by one. Of a policy that is gone, or is for another host now, nothing else does. */
const subsets: Keeping = {
  loses(before, present) {
    const names = new Set((ruleOf(before).subsets ?? []).map(({ name }) => name));
    if (present === undefined || ruleOf(present).host !== ruleOf(before).host) return names.size > 0;
    for (const { name } of ruleOf(present).subsets ?? []) names.delete(name);
    return names.size > 0;
  },
  has(policy, { subset }, domain) {
    if (subset === undefined) return false;
    const { host, subsets: all = [] } = ruleOf(policy);
    const covered = coversHost(resolveHost(host, policy.metadata.namespace, domain), subset.service.host);
    return covered && all.some(({ name }) => name === subset.name);
  },
  kept(before, present, wanted) {
    const names = new Set(wanted.map(({ subset }) => subset?.name));
    const kept = (ruleOf(before).subsets ?? []).filter(({ name }) => names.has(name));
    if (present !== undefined && ruleOf(present).host !== ruleOf(before).host) return before;
    const { trafficPolicy: _gone, ...rest } = ruleOf(before);
    const spec = present === undefined ? rest : ruleOf(present);
    const others = present === undefined ? [] : (spec.subsets ?? []);
    const missing = kept.filter(({ name }) => !others.some((other) => other.name === name));
    return bodyWith(present ?? before, { ...spec, subsets: [...others, ...missing] });
  },
};

interface Named {
  readonly hosts: readonly string[];
  readonly ports: readonly number[];
}

const serviceOf = (object: ApiObject) => (object.body as unknown as Service).spec ?? {};
const entryOf = (object: ApiObject): ServiceEntry['spec'] => (object.body as unknown as ServiceEntry).spec;

/** A service stays whole when it is gone; ports and hosts that a present form lacks stay in it. */
function servicesBy(
  named: (object: ApiObject, domain: string) => Named,
  merged: (present: ApiObject, before: ApiObject) => object,
): Keeping {
  return {
    loses(before, present) {
      if (present === undefined) return true;
      const [was, is] = [named(before, ''), named(present, '')];
      return was.hosts.some((host) => !is.hosts.includes(host)) || was.ports.some((port) => !is.ports.includes(port));
    },
    has(form, { host, port }, domain) {
      if (host === undefined) return false;
      const { hosts, ports } = named(form, domain);
      return hosts.some((each) => coversHost(each, host)) && (port === undefined || ports.includes(port));
    },
    kept: (before, present) => (present === undefined ? before : bodyWith(present, merged(present, before))),
  };
}

const service = servicesBy(
  (object, domain) => {
    const { name, namespace } = object.metadata;
    return { hosts: [`${name}.${namespace}.svc.${domain}`], ports: (serviceOf(object).ports ?? []).map(({ port }) => port) };
  },
  (present, before) => ({ ...serviceOf(present), ports: joined(serviceOf(present).ports, serviceOf(before).ports, 'port') }),
);

const serviceEntry = servicesBy(
  (object) => ({ hosts: entryOf(object).hosts, ports: (entryOf(object).ports ?? []).map(({ number }) => number) }),
  (present, before) => ({
    ...entryOf(present),
    hosts: [...new Set([...entryOf(present).hosts, ...entryOf(before).hosts])],
    ports: joined(entryOf(present).ports, entryOf(before).ports, 'number'),
  }),
);

/** The ports of both; a number is had once. */
const joined = <Port>(
  present: readonly Port[] | undefined = [],
  before: readonly Port[] | undefined = [],
  number: keyof Port,
): Port[] => [...present, ...before.filter((port) => present.every((other) => other[number] !== port[number]))];

/** Rules that others hand over to stay as they were. */
const delegates: Keeping = {
  loses: ({ body }, present) => present === undefined && ((body as unknown as VirtualService).spec.hosts ?? []).length === 0,
  has: ({ metadata }, { delegate }) => delegate?.name === metadata.name && delegate.namespace === metadata.namespace,
  kept: (before) => before,
};

/** By kind, in the order in which they are decided: rules that stay want services, and which subset is wanted shows once its service stands. */
export const keepings = {
  delegate: { VirtualService: delegates },
  service: { Service: service, ServiceEntry: serviceEntry },
  subset: { DestinationRule: subsets },
} as const;
