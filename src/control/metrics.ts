// The control plane's Prometheus registry: what xds/ counts, and what is read when somebody scrapes.

import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { kinds } from '../api/index.ts';
import type { Store } from '../store/store.ts';
import type { DiagnosticBoard } from './diagnostic-board.ts';
import { version } from './version.ts';

export interface MeasuredParts {
  readonly store: Store;
  readonly diagnostics: DiagnosticBoard;
}

export function controlRegistry({ store, diagnostics }: MeasuredParts): Registry {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  new Gauge({ name: 'pilot_info', help: 'The version of the control plane', labelNames: ['version'], registers }).set(
    { version: version() },
    1,
  );
  new Gauge({
    name: 'lateen_objects',
    help: 'Objects in effect, by kind',
    labelNames: ['kind'],
    registers,
    collect() {
      this.reset();
      for (const { group, kind } of kinds) {
        const { length } = store.kind(group, kind).all();
        if (length > 0) this.set({ kind }, length);
      }
    },
  });
  new Gauge({
    name: 'pilot_services',
    help: 'Services known',
    registers,
    collect() {
      this.set(store.kind('', 'Service').all().length + store.kind('networking.istio.io', 'ServiceEntry').all().length);
    },
  });
  new Gauge({
    name: 'pilot_virt_services',
    help: 'VirtualServices known',
    registers,
    collect() {
      this.set(store.kind('networking.istio.io', 'VirtualService').all().length);
    },
  });
  new Gauge({
    name: 'lateen_diagnostics',
    help: 'What is wrong with the configuration now, by severity',
    labelNames: ['severity'],
    registers,
    collect() {
      for (const [severity, count] of Object.entries(diagnostics.counts())) this.set({ severity }, count);
    },
  });
  return registry;
}
