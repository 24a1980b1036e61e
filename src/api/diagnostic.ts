// What a person's configuration got wrong, as a value: gathered by every room, shown with file and line, never thrown.

import type { Code } from './codes.ts';
import { pathText, refText, type ApiObject, type ObjectRef, type Path, refOf } from './object.ts';

export type Severity = 'error' | 'warning' | 'info';

export interface Diagnostic {
  /** A stable code: Istio's (`IST0101`) where the meaning is the same, else ours (`LAT1001`). */
  readonly code: Code;
  readonly severity: Severity;
  readonly object?: ObjectRef;
  readonly path: Path;
  readonly message: string;
  /** What to do, in one clause. */
  readonly help: string;
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
}

/** A diagnostic about a field of an object, with the position that the object's origin knows. */
export function diagnose(
  object: ApiObject<unknown>,
  path: Path,
  what: Pick<Diagnostic, 'code' | 'severity' | 'message' | 'help'>,
): Diagnostic {
  const position = object.origin.position(path);
  return { ...what, object: refOf(object), path, file: object.origin.source, ...position };
}

/** `bookinfo.yaml:12:5: warning IST0101 VirtualService/default/reviews spec.http[0]: message (help)`. */
export function diagnosticText(diagnostic: Diagnostic): string {
  const { file, line, column, severity, code, object, path, message, help } = diagnostic;
  const place = file === undefined ? '' : `${file}${line === undefined ? '' : `:${line}:${column}`}: `;
  const subject = [object && refText(object), pathText(path)].filter(Boolean).join(' ');
  return `${place}${severity} ${code}${subject && ` ${subject}`}: ${message}${help && ` (${help})`}`;
}

/** The JSON form that `compile`, `validate` and the API print. */
export function diagnosticJson(diagnostic: Diagnostic): Record<string, unknown> {
  const { object, path, ...rest } = diagnostic;
  return { ...rest, ...(object && { object: refText(object) }), path: pathText(path) };
}
