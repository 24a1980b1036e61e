// What an analysis found, as the verb shows it: the same shape for files and for the running mesh.

import { diagnosticJson, type Diagnostic, type Severity } from '../../api/diagnostic.ts';
import { isRecord } from '../../api/fit.ts';

export interface Finding {
  readonly code: string;
  readonly severity: Severity;
  /** `VirtualService/default/reviews` */
  readonly object?: string;
  readonly path: string;
  readonly message: string;
  readonly help: string;
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
}

export interface Skipped {
  readonly file: string;
  readonly line?: number;
  /** `DaemonSet of apps/v1`, or what else it is. */
  readonly what: string;
}

export interface Report {
  /** How many objects were looked at. */
  readonly objects: number;
  readonly findings: readonly Finding[];
  readonly suppressed: number;
  readonly skipped: readonly Skipped[];
  readonly referencesChecked: boolean;
}

export const severities: readonly Severity[] = ['info', 'warning', 'error'];

/** Whether a severity is at least as bad as another. */
export const reaches = (severity: Severity, threshold: Severity): boolean =>
  severities.indexOf(severity) >= severities.indexOf(threshold);

export const findingOf = (diagnostic: Diagnostic): Finding => diagnosticJson(diagnostic) as unknown as Finding;

/** A document that no kind reads, in a few words. */
export function strangeness(document: unknown): string {
  if (!isRecord(document)) return 'no object';
  const { apiVersion, kind } = document;
  if (typeof kind !== 'string' || typeof apiVersion !== 'string') return 'no Kubernetes object';
  return `${kind} of ${apiVersion}`;
}
