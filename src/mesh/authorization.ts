// AuthorizationPolicy → Authorization: every rule as conditions on attributes, each with its place in the object. Read by filters/rbac.

import type {
  AuthorizationPolicy,
  Condition as WhenSpec,
  Operation,
  Rule as RuleSpec,
  Source,
} from '../api/authorization-policy.ts';
import type { ApiObject, Path } from '../api/object.ts';
import {
  attributeOf,
  isSenderAttribute,
  type Attribute,
  type SenderAttribute,
  type TargetAttribute,
} from './authorization-attribute.ts';

type AuthorizationAction = 'ALLOW' | 'DENY' | 'AUDIT' | 'CUSTOM';

/** Values as written (`x`, `x*`, `*x`, `*`), and the field they stand in. */
export interface Values {
  readonly list: readonly string[];
  readonly path: Path;
}

/** Holds when the attribute matches one of `values` (if there are any) and none of `notValues`. */
interface Condition<A extends Attribute = Attribute> {
  readonly attribute: A;
  readonly values: Values;
  readonly notValues: Values;
}

/** All of these hold; none: everything does. */
export type Conditions<A extends Attribute = Attribute> = readonly Condition<A>[];

/**
 * Matches a request when one of `from` holds and one of `to` holds. What `when` asks is in every one of them. An empty `from`, an
 * empty source and no `from` at all mean the same in Istio: one alternative without conditions.
 */
export interface AuthorizationRule {
  readonly from: readonly Conditions<SenderAttribute>[];
  readonly to: readonly Conditions<TargetAttribute>[];
  /** `spec.rules[i]`; its index is the one in the rule's name. */
  readonly path: Path;
}

/** One policy. Without rules it never matches: an ALLOW policy then denies everything that no other one allows. */
export interface Authorization {
  readonly name: string;
  readonly namespace: string;
  readonly action: AuthorizationAction;
  /** Evaluated and counted, not enforced (`istio.io/dry-run`). */
  readonly dryRun: boolean;
  /** CUSTOM: the extension provider that decides. */
  readonly provider: string | undefined;
  readonly rules: readonly AuthorizationRule[];
  readonly object: ApiObject<AuthorizationPolicy>;
}

/** The words that Istio takes for true in an annotation. */
const isTrue = (text: string | undefined): boolean => text !== undefined && /^(1|t|T|true|TRUE|True)$/.test(text);

export function authorization(object: ApiObject<AuthorizationPolicy>): Authorization {
  const { name, namespace, annotations } = object.metadata;
  const { spec } = object.body;
  return {
    name,
    namespace,
    action: spec.action ?? 'ALLOW',
    dryRun: isTrue(annotations['istio.io/dry-run']),
    provider: spec.provider?.name,
    rules: (spec.rules ?? []).map((rule, index) => authorizationRule(rule, ['spec', 'rules', index], namespace)),
    object,
  };
}

function authorizationRule({ from = [], to = [], when = [] }: RuleSpec, path: Path, namespace: string): AuthorizationRule {
  const always = when.flatMap((condition, index) => whenConditions(condition, [...path, 'when', index], namespace));
  const ofSender = always.filter(isOfSender);
  const ofTarget = always.filter((condition): condition is Condition<TargetAttribute> => !isOfSender(condition));
  const sources = from.map(({ source = {} }, index) => sourceConditions(source, [...path, 'from', index, 'source'], namespace));
  const operations = to.map(({ operation = {} }, index) => operationConditions(operation, [...path, 'to', index, 'operation']));
  return {
    from: atLeastOne(sources).map((conditions) => [...conditions, ...ofSender]),
    to: atLeastOne(operations).map((conditions) => [...conditions, ...ofTarget]),
    path,
  };
}

const isOfSender = (condition: Condition): condition is Condition<SenderAttribute> => isSenderAttribute(condition.attribute);

const atLeastOne = <A extends Attribute>(alternatives: readonly Conditions<A>[]): readonly Conditions<A>[] =>
  alternatives.length === 0 ? [[]] : alternatives;

const sourceFields = [
  ['principals', 'notPrincipals', 'source.principal'],
  ['requestPrincipals', 'notRequestPrincipals', 'request.auth.principal'],
  ['namespaces', 'notNamespaces', 'source.namespace'],
  ['serviceAccounts', 'notServiceAccounts', 'source.serviceAccount'],
  ['trustDomains', 'notTrustDomains', 'source.trustDomain'],
  ['ipBlocks', 'notIpBlocks', 'source.ip'],
  ['remoteIpBlocks', 'notRemoteIpBlocks', 'remote.ip'],
] as const satisfies readonly (readonly [keyof Source, keyof Source, SenderAttribute['kind']])[];

const operationFields = [
  ['hosts', 'notHosts', 'request.host'],
  ['methods', 'notMethods', 'request.method'],
  ['paths', 'notPaths', 'request.path'],
  ['ports', 'notPorts', 'destination.port'],
] as const satisfies readonly (readonly [keyof Operation, keyof Operation, TargetAttribute['kind']])[];

const sourceConditions = (source: Source, path: Path, namespace: string): Conditions<SenderAttribute> =>
  sourceFields.flatMap(([yes, no, kind]) => {
    // A bare service account is one of the policy's own namespace.
    const read = kind === 'source.serviceAccount' ? inNamespace(namespace) : asWritten;
    return condition<SenderAttribute>({ kind }, read(source[yes], [...path, yes]), read(source[no], [...path, no]));
  });

const operationConditions = (operation: Operation, path: Path): Conditions<TargetAttribute> =>
  operationFields.flatMap(([yes, no, kind]) =>
    condition<TargetAttribute>({ kind }, asWritten(operation[yes], [...path, yes]), asWritten(operation[no], [...path, no])),
  );

function whenConditions({ key, values, notValues }: WhenSpec, path: Path, namespace: string): Conditions {
  const attribute = attributeOf(key);
  const read = attribute.kind === 'source.serviceAccount' ? inNamespace(namespace) : asWritten;
  return condition(attribute, read(values, [...path, 'values']), read(notValues, [...path, 'notValues']));
}

const asWritten = (list: readonly string[] = [], path: Path): Values => ({ list, path });

const inNamespace =
  (namespace: string) =>
  (list: readonly string[] = [], path: Path): Values => ({
    list: list.map((account) => (account.includes('/') ? account : `${namespace}/${account}`)),
    path,
  });

/** One condition, or none where nothing is asked. */
const condition = <A extends Attribute>(attribute: A, values: Values, notValues: Values): Conditions<A> =>
  values.list.length === 0 && notValues.list.length === 0 ? [] : [{ attribute, values, notValues }];
