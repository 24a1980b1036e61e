// AuthorizationPolicies that can never do what they say: rules that contradict themselves, ALLOW beside a DENY of everything, identities
// and namespaces that nobody has.

import type { AuthorizationPolicy } from '../../../api/authorization-policy.ts';
import { diagnose, type Diagnostic } from '../../../api/diagnostic.ts';
import { refOf, refText, type ApiObject, type Path } from '../../../api/object.ts';
import { nearest } from '../../../api/suggestion.ts';
import { authorization, type Authorization, type Conditions } from '../../../mesh/authorization.ts';
import { matchesLabels, type Labels } from '../../../mesh/labels.ts';
import { security, type AnalysisContext } from '../context.ts';
import { coversValue, valuesOverlap } from '../values.ts';

export function policyRules(context: AnalysisContext): Diagnostic[] {
  const policies = context.of<AuthorizationPolicy>(security, 'AuthorizationPolicy').map(authorization);
  return [
    ...policies.flatMap(contradictions),
    ...policies.flatMap((policy) => (policy.action === 'ALLOW' ? overruled(policy, policies, context) : [])),
    ...policies.flatMap((policy) => unknownCallers(policy, context)),
  ];
}

function contradictions({ rules, object }: Authorization): Diagnostic[] {
  return rules.flatMap((rule) => {
    for (const side of [rule.from, rule.to]) {
      const broken = side.map(contradiction);
      const [first] = broken;
      if (first === undefined || broken.some((one) => one === undefined)) continue;
      return [
        diagnose(object, first.path, {
          code: 'LAT2103',
          severity: 'warning',
          message: `the rule never matches: ${first.why}`,
          help: 'all parts of a source or an operation must hold at once; write alternatives as further list items',
        }),
      ];
    }
    return [];
  });
}

interface Contradiction {
  readonly path: Path;
  readonly why: string;
}

/** Why conditions that must all hold cannot. */
function contradiction(conditions: Conditions): Contradiction | undefined {
  for (const [index, { attribute, values, notValues }] of conditions.entries()) {
    if (values.list.length > 0 && values.list.every((value) => notValues.list.some((other) => coversValue(other, value)))) {
      return { path: notValues.path, why: `${quoted(values.list)} is what ${nameOf(notValues.path)} excludes` };
    }
    const key = JSON.stringify(attribute);
    for (const other of conditions.slice(0, index)) {
      if (isAddressKind(attribute.kind) || values.list.length === 0 || other.values.list.length === 0) continue;
      const [here, there] = [values.list, other.values.list];
      const same = JSON.stringify(other.attribute) === key;
      const apart = same
        ? !here.some((value) => there.some((one) => valuesOverlap(value, one)))
        : namespacesApart(attribute.kind, here, other.attribute.kind, there) ||
          namespacesApart(other.attribute.kind, there, attribute.kind, here);
      // A token's claim and a header may have several values at once.
      if (apart && !isManyValued(attribute.kind)) {
        return { path: values.path, why: `no caller has both ${quoted(there)} and ${quoted(here)}` };
      }
    }
  }
  return undefined;
}

const isAddressKind = (kind: string): boolean => kind === 'source.ip' || kind === 'remote.ip' || kind === 'destination.ip';
const isManyValued = (kind: string): boolean => kind.startsWith('request.auth.') || kind === 'request.headers';

/** Identities are of a namespace. */
function namespacesApart(kind: string, values: readonly string[], otherKind: string, others: readonly string[]): boolean {
  if (kind !== 'source.namespace') return false;
  const homes = others.map((other) =>
    otherKind === 'source.principal'
      ? principalOf(other)?.namespace
      : otherKind === 'source.serviceAccount'
        ? other.split('/')[0]
        : undefined,
  );
  return homes.every((home) => home !== undefined && !values.some((value) => coversValue(value, home)));
}

const quoted = (list: readonly string[]): string => list.slice(0, 4).join(', ') + (list.length > 4 ? ', …' : '');
const nameOf = (path: Path): string => String(path.at(-1));

/** `TRUST-DOMAIN/ns/NAMESPACE/sa/ACCOUNT`, without a pattern in it. */
function principalOf(text: string): { readonly namespace: string; readonly account: string } | undefined {
  const [, namespace = '', account = ''] = /^(?:spiffe:\/\/)?[^/*]+\/ns\/([^/*]+)\/sa\/([^/*]+)$/.exec(text) ?? [];
  return namespace === '' ? undefined : { namespace, account };
}

// DENY over ALLOW

function overruled(policy: Authorization, policies: readonly Authorization[], { mesh }: AnalysisContext): Diagnostic[] {
  if (policy.dryRun || policy.rules.length === 0 || hasTarget(policy)) return [];
  const deny = policies.find(
    (other) =>
      other.action === 'DENY' &&
      !other.dryRun &&
      !hasTarget(other) &&
      [policy.namespace, mesh.config.rootNamespace].includes(other.namespace) &&
      matchesLabels(selectorOf(other), selectorOf(policy)) &&
      other.rules.some(({ from, to }) => [...from, ...to].every((conditions) => conditions.length === 0)),
  );
  if (deny === undefined) return [];
  return [
    diagnose(policy.object, ['spec', 'rules'], {
      code: 'LAT2104',
      severity: 'warning',
      message: `has no effect: ${refText(refOf(deny.object))} denies every request to the same workloads, and DENY counts first`,
      help: 'give the DENY policy conditions, or remove it: an ALLOW policy denies what it does not allow',
    }),
  ];
}

const selectorOf = ({ object }: Authorization): Labels => object.body.spec?.selector?.matchLabels ?? {};
const hasTarget = ({ object }: Authorization): boolean =>
  object.body.spec?.targetRef !== undefined || (object.body.spec?.targetRefs ?? []).length > 0;

// Callers that are not there

function unknownCallers({ rules, object }: Authorization, context: AnalysisContext): Diagnostic[] {
  return rules.flatMap(({ from }) =>
    from.flatMap((conditions) =>
      conditions.flatMap(({ attribute, values, notValues }) =>
        [values, notValues].flatMap(({ list, path }) =>
          list.flatMap((value, index) => {
            const place = path.at(-1) === 'values' || path.at(-1) === 'notValues' ? path : [...path, index];
            if (attribute.kind === 'source.namespace') return unknownNamespace(value, object, place, context);
            const identity =
              attribute.kind === 'source.principal'
                ? principalOf(value)
                : attribute.kind === 'source.serviceAccount'
                  ? principalOf(`x/ns/${value.replace('/', '/sa/')}`)
                  : undefined;
            return identity === undefined ? [] : unknownIdentity(identity, object, place, context);
          }),
        ),
      ),
    ),
  );
}

function unknownNamespace(value: string, object: ApiObject<unknown>, path: Path, context: AnalysisContext): Diagnostic[] {
  const { namespaces, input, mesh } = context;
  if (value.includes('*') || value === mesh.config.rootNamespace || namespaces.has(value)) return [];
  const meant = nearest(value, namespaces);
  // Files are of some namespaces; what is nearly one of these is meant to be it.
  if (!input.whole && meant === undefined) return [];
  return [
    diagnose(object, path, {
      code: 'IST0101',
      severity: 'warning',
      message: `there is no namespace ${value}: nobody calls from it`,
      help: meant === undefined ? 'correct the name, or remove it' : `did you mean ${meant}?`,
    }),
  ];
}

function unknownIdentity(
  { namespace, account }: { readonly namespace: string; readonly account: string },
  object: ApiObject<unknown>,
  path: Path,
  context: AnalysisContext,
): Diagnostic[] {
  const here = context.workloadsIn(namespace);
  if (!context.knowsWorkloads(namespace) || here.some(({ serviceAccount }) => serviceAccount === account)) return [];
  const accounts = new Set(here.map(({ serviceAccount }) => serviceAccount).filter((name) => name !== ''));
  const meant = nearest(account, accounts);
  return [
    diagnose(object, path, {
      code: 'LAT2110',
      severity: 'warning',
      message: `no workload of namespace ${namespace} runs as the service account ${account}`,
      help:
        meant !== undefined
          ? `did you mean ${meant}?`
          : accounts.size === 0
            ? 'set serviceAccountName in the pods of the caller'
            : `workloads there run as: ${[...accounts].sort().slice(0, 8).join(', ')}`,
    }),
  ];
}
