// Which form of a rule is in effect: a new one at once, unless it leads to what does not exist yet; and what a rule still uses
// stays. Stands between the sources' changes and the store that is compiled, so that the compiler needs no memory.

import type { DestinationRule } from '../api/destination-rule.ts';
import { diagnose, type Diagnostic } from '../api/diagnostic.ts';
import { refKey, refOf, type ApiObject, type ObjectRef, type Path } from '../api/object.ts';
import type { VirtualService } from '../api/virtual-service.ts';
import { meshOf } from '../compile/compile.ts';
import { unmetDestinations, type Unmet } from '../compile/unmet.ts';
import { coversHost, resolveHost } from '../mesh/hostname.ts';
import type { Mesh } from '../mesh/mesh.ts';
import { virtualServiceRoute } from '../mesh/virtual-service.ts';
import type { Changes } from '../sources/source.ts';
import { objectKey, type Store } from '../store/store.ts';

const networking = 'networking.istio.io';

/** An object whose present form waits, and the form that is in effect meanwhile. */
interface Held {
  readonly form: ApiObject;
  readonly lacks: readonly Unmet[];
}

/** A DestinationRule with subsets that its present form lacks, and rules use. */
interface Kept {
  readonly form: ApiObject;
  readonly diagnostics: readonly Diagnostic[];
}

/** What decides whether destinations exist: only with a change of these there is something to decide. */
const deciding = new Set(['VirtualService', 'DestinationRule', 'ServiceEntry', 'Service']);

const isRule = (kind: string, { group, kind: of }: Pick<ObjectRef, 'group' | 'kind'>): boolean =>
  group === networking && of === kind;

export class Succession {
  readonly #store: Store;
  #held: ReadonlyMap<string, Held> = new Map();
  #kept: ReadonlyMap<string, Kept> = new Map();
  /** VirtualServices that are gone, and that others still hand over to. */
  #delegates: ReadonlyMap<string, Kept> = new Map();
  /** Forms that were in effect when the process before this one ended; until the first change. */
  #remembered: ReadonlyMap<string, ApiObject>;

  constructor(store: Store, remembered: readonly ApiObject[] = []) {
    this.#store = store;
    this.#remembered = new Map(remembered.map((object) => [refKey(refOf(object)), object]));
  }

  /** Works a change into the store, and decides what of it is in effect. Inside one transaction. */
  take({ upserts, deletes }: Pick<Changes, 'upserts' | 'deletes'>): void {
    const refs = [...upserts.map(refOf), ...deletes];
    const decides = refs.some(({ kind }) => deciding.has(kind));
    const routes = this.#before('VirtualService', upserts.map(refOf), this.#held);
    const policies = this.#before('DestinationRule', refs, this.#kept);
    const delegates = this.#before('VirtualService', deletes, this.#delegates);
    this.#remembered = new Map();
    for (const ref of deletes) this.#store.remove(ref);
    for (const object of upserts) this.#store.upsert(object);
    if (!decides || routes.size + policies.size + delegates.size === 0) return;

    // As if everything were in effect at once.
    for (const form of this.forms()) this.#store.standIn(refOf(form), undefined);
    const mesh = meshOf(this.#store).value;
    const held = this.#toHold(mesh, routes);
    this.#kept = this.#keep(mesh, policies, held);
    this.#delegates = this.#handedOverTo(delegates, held);
    for (const { form } of [...this.#kept.values(), ...this.#delegates.values()]) this.#store.standIn(refOf(form), form);
    // An earlier form that leads nowhere either is no better than the present one.
    this.#held = new Map([...held].filter(([, { form }]) => this.#lacks(mesh, form).length === 0));
    for (const { form } of this.#held.values()) this.#store.standIn(refOf(form), form);
  }

  /** The forms that are in effect though they are not the present ones: what the next process has to know. */
  forms(): ApiObject[] {
    return [...this.#held.values(), ...this.#kept.values(), ...this.#delegates.values()].map(({ form }) => form);
  }

  /** What an object waits for before its present form is in effect. */
  waits(ref: ObjectRef): readonly string[] {
    return [...new Set((this.#held.get(refKey(ref))?.lacks ?? []).map(({ what }) => what))];
  }

  /** The objects that wait. */
  waiting(): readonly ObjectRef[] {
    return [...this.#held.values()].map(({ form }) => refOf(form));
  }

  diagnostics(): Diagnostic[] {
    const waiting = [...this.#held.values()].flatMap(({ form, lacks }) => {
      const object = this.#store.get(refOf(form));
      return object === undefined ? [] : lacks.map(({ path, what }) => diagnose(object, path, waitsFor(what)));
    });
    return [...waiting, ...[...this.#kept.values(), ...this.#delegates.values()].flatMap(({ diagnostics }) => diagnostics)];
  }

  /** The forms that were in effect of the objects that change, and of those that are not in their present one. */
  #before(
    kind: string,
    refs: readonly ObjectRef[],
    behind: ReadonlyMap<string, { readonly form: ApiObject }>,
  ): Map<string, ApiObject> {
    const inEffect = this.#store.inEffect(networking, kind);
    const before = new Map<string, ApiObject>();
    for (const ref of refs) {
      const form = isRule(kind, ref) ? inEffect.get(objectKey(ref.namespace, ref.name)) : undefined;
      if (form !== undefined) before.set(refKey(ref), form);
    }
    for (const [key, { form }] of behind) before.set(key, form);
    for (const [key, form] of this.#remembered) if (isRule(kind, refOf(form))) before.set(key, form);
    return before;
  }

  #toHold(mesh: Mesh, before: ReadonlyMap<string, ApiObject>): Map<string, Held> {
    const held = new Map<string, Held>();
    for (const [key, form] of before) {
      const present = this.#store.get(refOf(form));
      if (present === undefined || present === form) continue;
      const lacks = this.#lacks(mesh, present);
      if (lacks.length > 0) held.set(key, { form, lacks });
    }
    return held;
  }

  #lacks(mesh: Mesh, object: ApiObject): Unmet[] {
    const defaults = { domain: mesh.domain, exportTo: mesh.config.defaultVirtualServiceExportTo };
    return unmetDestinations(mesh, virtualServiceRoute(object as unknown as ApiObject<VirtualService>, defaults));
  }

  /** The subsets that are gone from DestinationRules and that the rules in effect use. */
  #keep(mesh: Mesh, before: ReadonlyMap<string, ApiObject>, held: ReadonlyMap<string, Held>): Map<string, Kept> {
    const lost = [...before].filter(([, form]) => losesSubset(form, this.#store.get(refOf(form))));
    const kept = new Map<string, Kept>();
    if (lost.length === 0) return kept;
    const wanted = new Map<string, { names: Set<string>; diagnostics: Diagnostic[] }>();
    const rules = this.#store.kind(networking, 'VirtualService').all();
    for (const rule of rules) {
      const form = held.get(refKey(refOf(rule)))?.form ?? rule;
      for (const { path, what, subset } of this.#lacks(mesh, form)) {
        const [key] = lost.find(([, policy]) => subset !== undefined && defines(mesh, policy, subset)) ?? [];
        if (key === undefined || subset === undefined) continue;
        let found = wanted.get(key);
        if (found === undefined) wanted.set(key, (found = { names: new Set(), diagnostics: [] }));
        found.names.add(subset.name);
        found.diagnostics.push(diagnose(rule, form === rule ? path : ['spec'], stays(what)));
      }
    }
    for (const [key, { names, diagnostics }] of wanted) {
      const form = before.get(key);
      if (form !== undefined) kept.set(key, { form: withSubsets(form, this.#store.get(refOf(form)), names), diagnostics });
    }
    return kept;
  }

  /** Those of the objects that are gone to which a rule in effect hands over. */
  #handedOverTo(before: ReadonlyMap<string, ApiObject>, held: ReadonlyMap<string, Held>): Map<string, Kept> {
    const gone = [...before].filter(([, form]) => isDelegate(form) && this.#store.get(refOf(form)) === undefined);
    const kept = new Map<string, Kept>();
    if (gone.length === 0) return kept;
    const rules = this.#store.kind(networking, 'VirtualService').all();
    for (const [key, form] of gone) {
      const diagnostics = rules.flatMap((rule) => {
        const inEffect = held.get(refKey(refOf(rule)))?.form ?? rule;
        return handovers(inEffect, form).map((path) =>
          diagnose(
            rule,
            inEffect === rule ? path : ['spec'],
            stays(`VirtualService ${refOf(form).namespace}/${refOf(form).name}`),
          ),
        );
      });
      if (diagnostics.length > 0) kept.set(key, { form, diagnostics });
    }
    return kept;
  }
}

const rulesOf = ({ body }: ApiObject): VirtualService['spec'] => (body as unknown as VirtualService).spec;

const isDelegate = (object: ApiObject): boolean => (rulesOf(object).hosts ?? []).length === 0;

/** Where an object hands over to another. */
const handovers = (rule: ApiObject, to: ApiObject): Path[] =>
  (rulesOf(rule).http ?? []).flatMap(({ delegate }, index) =>
    delegate?.name === to.metadata.name && (delegate.namespace || rule.metadata.namespace) === to.metadata.namespace
      ? [['spec', 'http', index, 'delegate']]
      : [],
  );

const waitsFor = (what: string) =>
  ({
    code: 'LAT1901',
    severity: 'warning',
    message: `${what} does not exist: the earlier form of this object stays in effect until it does`,
    help: 'create it, or take the destination out',
  }) as const;

const stays = (what: string) =>
  ({
    code: 'LAT1902',
    severity: 'warning',
    message: `${what} is not defined any more: it stays as it was as long as this object leads there`,
    help: 'take what leads there out, or define it again',
  }) as const;

const specOf = (object: ApiObject): DestinationRule['spec'] => (object.body as unknown as DestinationRule).spec;

function losesSubset(before: ApiObject, present: ApiObject | undefined): boolean {
  const names = new Set((specOf(before).subsets ?? []).map(({ name }) => name));
  if (present === undefined || specOf(present).host !== specOf(before).host) return names.size > 0;
  for (const { name } of specOf(present).subsets ?? []) names.delete(name);
  return names.size > 0;
}

function defines(mesh: Mesh, policy: ApiObject, { service, name }: NonNullable<Unmet['subset']>): boolean {
  const { host, subsets = [] } = specOf(policy);
  const covered = coversHost(resolveHost(host, policy.metadata.namespace, mesh.domain), service.host);
  return covered && subsets.some((subset) => subset.name === name);
}

/** The present form with subsets of an earlier one; where there is none, or one for another host, what is left of the earlier. */
function withSubsets(before: ApiObject, present: ApiObject | undefined, names: ReadonlySet<string>): ApiObject {
  const kept = (specOf(before).subsets ?? []).filter(({ name }) => names.has(name));
  if (present !== undefined && specOf(present).host !== specOf(before).host) return before;
  const { trafficPolicy: _gone, ...rest } = specOf(before);
  const spec = present === undefined ? rest : specOf(present);
  const others = present === undefined ? [] : (spec.subsets ?? []);
  const of = present ?? before;
  return {
    ...of,
    body: {
      ...of.body,
      spec: { ...spec, subsets: [...others, ...kept.filter(({ name }) => !others.some((other) => other.name === name))] },
    },
  };
}
