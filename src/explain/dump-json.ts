// JSON that may be cut short, or YAML in its place: what is whole of it is read.

import type { JsonValue } from '@bufbuild/protobuf';
import { parseDocument } from 'yaml';

export interface ReadJson {
  readonly value: JsonValue;
  /** It ended in the middle. */
  readonly cut: boolean;
}

/** Undefined for what is neither. */
export function readJson(text: string): ReadJson | undefined {
  const [first] = text.trimStart();
  return first === '{' || first === '[' ? fromJson(text) : fromYaml(text);
}

/** As `istioctl` prints with `-o yaml`, and people paste it. */
function fromYaml(text: string): ReadJson | undefined {
  try {
    const document = parseDocument(text, { logLevel: 'silent', uniqueKeys: false });
    const value: unknown = document.toJS({ maxAliasCount: 0 });
    // Dates and the like become what JSON has for them.
    const json = JSON.parse(JSON.stringify(value ?? null)) as JsonValue;
    return typeof json === 'object' && json !== null ? { value: json, cut: document.errors.length > 0 } : undefined;
  } catch {
    return undefined;
  }
}

function fromJson(text: string): ReadJson | undefined {
  try {
    return { value: JSON.parse(text) as JsonValue, cut: false };
  } catch {
    const mended = closed(text);
    try {
      return mended === undefined ? undefined : { value: JSON.parse(mended) as JsonValue, cut: true };
    } catch {
      return undefined;
    }
  }
}

/** The text up to the last whole value, with everything closed that is open there. */
function closed(text: string): string | undefined {
  const open: ('}' | ']')[] = [];
  let whole: { readonly at: number; readonly open: readonly string[] } | undefined;
  let inText = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (inText) {
      if (character === '\\') at++;
      else if (character === '"') inText = false;
      continue;
    }
    switch (character) {
      case '"':
        inText = true;
        break;
      case '{':
      case '[':
        open.push(character === '{' ? '}' : ']');
        // Nothing of it is there yet, and that is whole too.
        whole = { at: at + 1, open: [...open] };
        break;
      case '}':
      case ']':
        if (open.pop() !== character) return undefined;
        whole = { at: at + 1, open: [...open] };
        break;
      case ',':
        whole = { at, open: [...open] };
        break;
      default:
    }
  }
  return whole === undefined ? undefined : text.slice(0, whole.at) + whole.open.toReversed().join('');
}
