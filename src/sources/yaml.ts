// Text to documents: splits YAML or JSON, unpacks Lists, and remembers where every field stands. First step of every file.

import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, type Document, type Node } from 'yaml';
import type { Diagnostic } from '../api/diagnostic.ts';
import type { Origin, Path } from '../api/object.ts';
import { readPlainYaml } from './plain-yaml.ts';
import { readOptions } from './yaml-scalars.ts';

export type JsonObject = Readonly<Record<string, unknown>>;

export interface SourceDocument {
  readonly value: JsonObject;
  readonly origin: Origin;
  /** Where the origin's positions come from, as data: kept with stored objects, read back by `originOfSpan`. */
  readonly span: Span;
}

/** A stretch of text that holds an object. */
export interface Span {
  readonly source: string;
  /** The line, from 1, on which `text` starts. */
  readonly line: number;
  readonly text: string;
  /** Where in the text's document the object stands: `['items', 3]` inside a List. */
  readonly within: Path;
}

export interface Documents {
  readonly documents: readonly SourceDocument[];
  readonly diagnostics: readonly Diagnostic[];
}

/** Aliases may repeat what they name this often: enough for people, too little for a "billion laughs". */
const maxAliasCount = 100;
/** Deeper nesting than any kind has; protects the recursive readers after this one. */
const maxDepth = 128;

/** Every object in a text, in order. What cannot be read is one diagnostic per document and costs no other document. */
export function readDocuments(text: string, source: string): Documents {
  const documents: SourceDocument[] = [];
  const diagnostics: Diagnostic[] = [];
  for (const piece of splitDocuments(text)) {
    const parsed = new ParsedText(piece.text, piece.line, source);
    const outcome = parsed.value();
    if ('diagnostic' in outcome) diagnostics.push(outcome.diagnostic);
    else unpack(outcome.value, [], parsed, documents, diagnostics);
  }
  return { documents, diagnostics };
}

/** The origin of an object that was read from a span, perhaps by an earlier process. */
export function originOfSpan(span: Span): Origin {
  return new ParsedText(span.text, span.line, span.source).origin(span.within);
}

/**
 * A line that starts with `---` or `...` separates documents wherever it stands, also inside a block of text (YAML 1.2, §9.1.2),
 * so a broken document cannot swallow its neighbours.
 */
function splitDocuments(text: string): { text: string; line: number }[] {
  const body = text.startsWith('\uFEFF') ? text.slice(1) : text;
  const pieces: { text: string; line: number }[] = [];
  let start = 0;
  let line = 1;
  let lineAtStart = 1;
  let scanned = 0;
  const push = (end: number): void => {
    const piece = body.slice(start, end);
    if (holdsContent(piece)) pieces.push({ text: piece, line: lineAtStart });
  };
  for (const marker of body.matchAll(/^(?:---|\.\.\.)(?=[ \t\r\n]|$)/gm)) {
    push(marker.index);
    line += countLines(body, scanned, marker.index);
    scanned = marker.index;
    start = marker[0] === '---' ? marker.index : marker.index + 3;
    lineAtStart = line;
  }
  push(body.length);
  return pieces;
}

/** Whether a piece has more than its marker, comments, blank lines and %directives. */
const holdsContent = (piece: string): boolean => /^(?!---)[ \t]*[^\s#%]|^---[ \t]+[^\s#]/m.test(piece);

const looksLikeJson = (text: string): boolean => /^\s*\{/.test(text) && /\}\s*$/.test(text);

function countLines(text: string, from: number, to: number): number {
  let count = 0;
  for (let at = text.indexOf('\n', from); at >= 0 && at < to; at = text.indexOf('\n', at + 1)) count++;
  return count;
}

/** One document's text. Its value is read at once and fast; its positions only when somebody asks for one. */
class ParsedText {
  readonly #text: string;
  readonly #line: number;
  readonly #source: string;
  #positions: WeakRef<{ document: Document; lines: LineCounter }> | undefined;

  constructor(text: string, line: number, source: string) {
    this.#text = text;
    this.#line = line;
    this.#source = source;
  }

  value(): { value: unknown } | { diagnostic: Diagnostic } {
    if (looksLikeJson(this.#text)) {
      try {
        return { value: JSON.parse(this.#text) };
      } catch {
        // A YAML flow mapping looks the same, and YAML's reader tells the place of an error better.
      }
    }
    const plain = readPlainYaml(this.#text);
    if (plain !== undefined) return { value: plain };
    try {
      const document = parseDocument(this.#text, readOptions);
      const [error] = document.errors;
      if (error !== undefined) return { diagnostic: this.#broken(error.code, error.message, error.pos[0]) };
      return { value: document.toJS({ maxAliasCount }) };
    } catch (error) {
      // Aliases to nothing or to too much, and nesting that exhausts the stack, are thrown instead of collected.
      const message = error instanceof Error ? error.message : String(error);
      const alias = /^Unresolved alias .*: (\S+)$/.exec(message)?.[1];
      return {
        diagnostic:
          alias === undefined
            ? this.#broken('RESOURCE_EXHAUSTION', message, 0)
            : this.#broken('BAD_ALIAS', message, Math.max(this.#text.indexOf(`*${alias}`), 0)),
      };
    }
  }

  origin(within: Path): Origin {
    return { source: this.#source, position: (path) => this.#position([...within, ...path]) };
  }

  span(within: Path): Span {
    return { source: this.#source, line: this.#line, text: this.#text, within };
  }

  diagnostic(path: Path, what: Pick<Diagnostic, 'code' | 'message' | 'help'>): Diagnostic {
    return { ...what, severity: 'error', path: [], file: this.#source, ...this.#position(path) };
  }

  #position(path: Path): { line: number; column: number } | undefined {
    const { document, lines } = this.#parsed();
    let node: unknown = document.contents;
    let offset = startOf(node) ?? this.#text.search(/\S/);
    for (const step of path) {
      if (isAlias(node)) node = node.resolve(document);
      if (isMap(node)) {
        const pair = node.items.find(({ key }) => (isScalar(key) ? String(key.value) : String(key)) === String(step));
        if (pair === undefined) break;
        offset = startOf(pair.key) ?? offset;
        node = pair.value;
      } else if (isSeq(node) && typeof step === 'number') {
        const item: unknown = node.items[step];
        if (item === undefined) break;
        offset = startOf(item) ?? offset;
        node = item;
      } else break;
    }
    return this.#place(lines, offset);
  }

  /** Parsed with positions when first asked, and kept only as long as memory allows: most documents are never asked. */
  #parsed(): { document: Document; lines: LineCounter } {
    const kept = this.#positions?.deref();
    if (kept !== undefined) return kept;
    const lines = new LineCounter();
    const parsed = { document: parseDocument(this.#text, { ...readOptions, lineCounter: lines }), lines };
    this.#positions = new WeakRef(parsed);
    return parsed;
  }

  #place(lines: LineCounter, offset: number): { line: number; column: number } {
    const { line, col } = lines.linePos(Math.max(offset, 0));
    return { line: this.#line + Math.max(line, 1) - 1, column: Math.max(col, 1) };
  }

  #broken(code: string, message: string, offset: number): Diagnostic {
    const lines = new LineCounter();
    lines.addNewLine(0);
    for (let at = this.#text.indexOf('\n'); at >= 0 && at < offset; at = this.#text.indexOf('\n', at + 1))
      lines.addNewLine(at + 1);
    return {
      code: 'LAT0101',
      severity: 'error',
      path: [],
      message: `this document is not valid YAML: ${message.split('\n', 1)[0] ?? code}`,
      help: advice[code] ?? 'mend the text at this place; the other documents of the file are used meanwhile',
      file: this.#source,
      ...this.#place(lines, offset),
    };
  }
}

const advice: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: 'indent with spaces: YAML forbids tabs there',
  BAD_INDENT: 'align this line with its siblings, or indent it under its parent',
  DUPLICATE_KEY: 'keep one of the two: the key stands twice in the same mapping',
  MULTILINE_IMPLICIT_KEY: 'a line before this one misses its colon, or a quote is not closed',
  BLOCK_AS_IMPLICIT_KEY: 'put nested fields on lines of their own, or quote a value that contains ": "',
  BAD_ALIAS: 'define the anchor (&name) before the alias (*name)',
  BAD_SCALAR_START: 'quote the value: it starts with a character that YAML reserves',
  MISSING_CHAR: 'close the bracket or quote that is open here',
  RESOURCE_EXHAUSTION: 'write the values out: aliases repeat or nest beyond what is read',
};

const startOf = (node: unknown): number | undefined => (node as Node | null | undefined)?.range?.[0];

const isObject = (value: unknown): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);

function unpack(value: unknown, within: Path, parsed: ParsedText, documents: SourceDocument[], diagnostics: Diagnostic[]): void {
  if (value === null || value === undefined) return;
  if (!isObject(value)) {
    diagnostics.push(
      parsed.diagnostic(within, {
        code: 'LAT0102',
        message: `expected an object with apiVersion and kind, found ${Array.isArray(value) ? 'a list' : 'a plain value'}`,
        help: 'separate objects by a line with ---, or put them into the items of a List',
      }),
    );
    return;
  }
  if (within.length === 0 && deeperThan(value, maxDepth)) {
    diagnostics.push(
      parsed.diagnostic(within, {
        code: 'LAT0101',
        message: `this document nests deeper than ${maxDepth} levels`,
        help: 'no kind has such fields; check the indentation or the generator of this file',
      }),
    );
    return;
  }
  const { kind, items, apiVersion } = value;
  if (typeof kind !== 'string' || !kind.endsWith('List') || !Array.isArray(items)) {
    documents.push({ value, origin: parsed.origin(within), span: parsed.span(within) });
    return;
  }
  // Items of a typed list (ServiceList) may leave out what the list's own kind says.
  const implied = kind === 'List' ? {} : { apiVersion, kind: kind.slice(0, -'List'.length) };
  for (const [index, item] of items.entries()) {
    unpack(isObject(item) ? { ...implied, ...item } : item, [...within, 'items', index], parsed, documents, diagnostics);
  }
}

function deeperThan(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (depth === 0) return true;
  for (const child of Object.values(value)) if (deeperThan(child, depth - 1)) return true;
  return false;
}
