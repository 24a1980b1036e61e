// Which form of a rule is in effect: a new one at once, unless it leads to what does not exist yet; and what a rule still uses
// stays. Stands between the sources' changes and the store that is compiled, so that the compiler needs no memory.

import { diagnose, type Diagnostic } from '../api/diagnostic.ts';
import { refKey, refOf, type ApiObject, type ObjectRef } from '../api/object.ts';
import { meshOf } from '../compile/compile.ts';
import type { Unmet } from '../compile/unmet.ts';
import type { Mesh } from '../mesh/mesh.ts';
import type { Changes } from '../sources/source.ts';
import { objectKey, type Absent, type Store } from '../store/store.ts';
import type { EarlierForms } from './earlier-forms.ts';
import { keepings, type Keeping } from './kept-forms.ts';
import { lacksOf, rulesOf, stays, waitsFor } from './lacks.ts';
import { servedBefore } from './served-without.ts';

const networking = 'networking.istio.io';

/** The form of an object that was in effect. */
interface Before<Form = ApiObject> {
  readonly ref: ObjectRef;
  readonly form: Form;
}

/** An object whose present form waits, and the form that is in effect meanwhile. */
interface Held extends Before<ApiObject | Absent> {
  readonly lacks: readonly Unmet[];
}

/** A form with something that the present one lacks, and rules use. */
interface Kept extends Before {
  readonly diagnostics: readonly Diagnostic[];
}

/** What may be kept for its users, as it was. */
interface Used extends Before {
  readonly keeping: Keeping;
}

/** What decides whether destinations exist: only with a change of these there is something to decide. */
const deciding = new Set(['VirtualService', 'DestinationRule', 'ServiceEntry', 'Service', 'Gateway', 'Secret', 'ConfigMap']);

const groupOfKind = (kind: string): string => (kind === 'Service' ? '' : networking);

const isOf = (kind: string, ref: ObjectRef): boolean => ref.kind === kind && ref.group === groupOfKind(kind);

export class Succession {
  readonly #store: Store;
  #held: ReadonlyMap<string, Held> = new Map();
  #kept: ReadonlyMap<string, Kept> = new Map();
  /** What was in effect when the process before this one ended; until the first change, which brings everything. */
  #remembered: EarlierForms | undefined;

  constructor(store: Store, remembered: EarlierForms = { forms: [], absent: [] }) {
    this.#store = store;
    this.#remembered = remembered;
  }

  /** Works a change into the store, and decides what of it is in effect. Inside one transaction. */
  take({ upserts, deletes }: Pick<Changes, 'upserts' | 'deletes'>): void {
    const refs = [...upserts.map(refOf), ...deletes];
    const decides = refs.some(({ kind }) => deciding.has(kind));
    const first = this.#remembered;
    const added = first === undefined ? this.#added(upserts) : new Map<string, (now: Mesh) => boolean>();
    const waiters = this.#waitersBefore(upserts.map(refOf));
    const used = Object.values(keepings).map((kinds) => this.#usedBefore(kinds, refs));
    this.#remembered = undefined;
    for (const ref of deletes) this.#store.remove(ref);
    for (const object of upserts) this.#store.upsert(object);
    if (!decides || [waiters, added, ...used].every(({ size }) => size === 0)) return;

    // As if everything were in effect at once.
    for (const { ref } of [...this.#held.values(), ...this.#kept.values()]) this.#store.standIn(ref, undefined);
    const mesh = meshOf(this.#store).value;
    for (const object of upserts) {
      if (added.get(refKey(refOf(object)))?.(mesh) === true)
        waiters.set(refKey(refOf(object)), { ref: refOf(object), form: 'absent' });
    }
    const held = this.#toHold(mesh, waiters);
    const kept = new Map<string, Kept>();
    for (const before of used) for (const [key, found] of this.#keep(mesh, before, held, kept)) kept.set(key, found);
    this.#kept = kept;
    // An earlier form that leads nowhere either is no better than the present one.
    this.#held = new Map([...held].filter(([, { form }]) => form === 'absent' || lacksOf(this.#store, mesh, form).length === 0));
    for (const { ref, form } of this.#held.values()) this.#store.standIn(ref, form);
  }

  /** What is in effect instead of present forms: what the next process has to know. */
  forms(): EarlierForms {
    const all = [...this.#held.values(), ...this.#kept.values()];
    return {
      forms: all.flatMap(({ form }) => (form === 'absent' ? [] : form)),
      absent: all.flatMap(({ ref, form }) => (form === 'absent' ? ref : [])),
    };
  }

  /** What an object waits for before its present form is in effect. */
  waits(ref: ObjectRef): readonly string[] {
    return [...new Set((this.#held.get(refKey(ref))?.lacks ?? []).map(({ what }) => what))];
  }

  /** The objects that wait. */
  waiting(): readonly ObjectRef[] {
    return [...this.#held.values()].map(({ ref }) => ref);
  }

  diagnostics(): Diagnostic[] {
    const waiting = [...this.#held.values()].flatMap(({ ref, form, lacks }) => {
      const object = this.#store.get(ref);
      return object === undefined ? [] : lacks.map(({ path, what }) => diagnose(object, path, waitsFor(what, form)));
    });
    return [...waiting, ...[...this.#kept.values()].flatMap(({ diagnostics }) => diagnostics)];
  }

  /** VirtualServices that were not there, each with whether requests were answered without it. */
  #added(upserts: readonly ApiObject[]): Map<string, (now: Mesh) => boolean> {
    const inEffect = this.#store.inEffect(networking, 'VirtualService');
    const added = new Map<string, (now: Mesh) => boolean>();
    for (const object of upserts) {
      const ref = refOf(object);
      if (!isOf('VirtualService', ref) || this.#held.has(refKey(ref))) continue;
      if (inEffect.get(objectKey(ref.namespace, ref.name)) !== undefined) continue;
      const mesh = meshOf(this.#store).value;
      added.set(refKey(ref), servedBefore(mesh, rulesOf(mesh, object)));
    }
    return added;
  }

  #waitersBefore(refs: readonly ObjectRef[]): Map<string, Before<ApiObject | Absent>> {
    const before = new Map<string, Before<ApiObject | Absent>>([
      ...this.#inEffect('VirtualService', refs),
      ...this.#inEffect('Gateway', refs),
    ]);
    for (const [key, { ref, form }] of this.#held) before.set(key, { ref, form });
    for (const ref of this.#remembered?.absent ?? [])
      if (isOf('VirtualService', ref)) before.set(refKey(ref), { ref, form: 'absent' });
    return before;
  }

  #usedBefore(kinds: Readonly<Record<string, Keeping>>, refs: readonly ObjectRef[]): Map<string, Used> {
    const before = new Map<string, Used>();
    for (const [kind, keeping] of Object.entries(kinds)) {
      for (const [key, earlier] of this.#inEffect(kind, refs)) before.set(key, { ...earlier, keeping });
      for (const [key, { ref, form }] of this.#kept) if (isOf(kind, ref)) before.set(key, { ref, form, keeping });
    }
    return before;
  }

  /** The forms that are in effect of objects that change, and those that were when the process before ended. */
  #inEffect(kind: string, refs: readonly ObjectRef[]): Map<string, Before> {
    const inEffect = this.#store.inEffect(groupOfKind(kind), kind);
    const before = new Map<string, Before>();
    for (const ref of refs) {
      const form = isOf(kind, ref) ? inEffect.get(objectKey(ref.namespace, ref.name)) : undefined;
      if (form !== undefined) before.set(refKey(ref), { ref, form });
    }
    for (const form of this.#remembered?.forms ?? []) {
      const ref = refOf(form);
      if (isOf(kind, ref)) before.set(refKey(ref), { ref, form });
    }
    return before;
  }

  #toHold(mesh: Mesh, before: ReadonlyMap<string, Before<ApiObject | Absent>>): Map<string, Held> {
    const held = new Map<string, Held>();
    for (const [key, { ref, form }] of before) {
      const present = this.#store.get(ref);
      if (present === undefined || present === form) continue;
      const lacks = lacksOf(this.#store, mesh, present);
      if (lacks.length > 0) held.set(key, { ref, form, lacks });
    }
    return held;
  }

  /** What is gone and the rules in effect use, those that stay among them; from now on it stands in. */
  #keep(
    mesh: Mesh,
    before: ReadonlyMap<string, Used>,
    held: ReadonlyMap<string, Held>,
    staying: ReadonlyMap<string, Kept>,
  ): Map<string, Kept> {
    const lost = [...before].filter(([, { ref, form, keeping }]) => keeping.loses(form, this.#store.get(ref)));
    const kept = new Map<string, Kept>();
    if (lost.length === 0) return kept;
    const wanted = new Map<string, { lacks: Unmet[]; diagnostics: Diagnostic[] }>();
    const stay = [...staying.values()].flatMap(({ ref, form }) => (isOf('VirtualService', ref) ? form : []));
    for (const rule of [...this.#store.kind(networking, 'VirtualService').all(), ...stay]) {
      const form = held.get(refKey(refOf(rule)))?.form ?? rule;
      if (form === 'absent') continue;
      for (const lack of lacksOf(this.#store, mesh, form)) {
        const [key] = lost.find(([, earlier]) => earlier.keeping.has(earlier.form, lack, mesh.domain)) ?? [];
        if (key === undefined) continue;
        let found = wanted.get(key);
        if (found === undefined) wanted.set(key, (found = { lacks: [], diagnostics: [] }));
        found.lacks.push(lack);
        found.diagnostics.push(diagnose(rule, form === rule ? lack.path : ['spec'], stays(lack.what)));
      }
    }
    for (const [key, { ref, form, keeping }] of lost) {
      const found = wanted.get(key);
      if (found === undefined) continue;
      const stand = keeping.kept(form, this.#store.get(ref), found.lacks);
      kept.set(key, { ref, form: stand, diagnostics: found.diagnostics });
      this.#store.standIn(ref, stand);
    }
    return kept;
  }
}
