// The YAML that manifests are mostly written in, read several times faster than by the library: block mappings and sequences, plain
// and quoted scalars of one line, flow collections of one line. Everything else is left to the library, document by document.

/** What stands in a document, or undefined where any of it is not plain: then nothing is said about it, not even that it is wrong. */
export function readPlainYaml(text: string): unknown {
  if (/[\t\r]/.test(text)) return undefined;
  try {
    const reader = new Reader(linesOf(text));
    return reader.document();
  } catch (error) {
    if (error === notPlain) return undefined;
    throw error;
  }
}

const notPlain = new Error('not plain');

/** Thrown, not returned: it ends the reading from however deep. */
function leave(): never {
  throw notPlain;
}

interface Line {
  readonly indent: number;
  /** Without indentation and trailing blanks. */
  readonly text: string;
}

function linesOf(text: string): Line[] {
  const lines: Line[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    const indent = line.search(/[^ ]/);
    if (indent < 0 || line[indent] === '#' || (index === 0 && /^--- *$/.test(line))) continue;
    lines.push({ indent, text: line.slice(indent, endOf(line)) });
  }
  return lines;
}

/** Where a line ends without trailing blanks; YAML knows no other blanks than these. */
function endOf(line: string): number {
  let end = line.length;
  while (line[end - 1] === ' ') end--;
  return end;
}

/** As deep as any kind goes; the recursion has to end. */
const maxDepth = 64;

/** A name, a colon, and what follows on the line. */
const pair = /^([A-Za-z_][\w./-]*):(?: +(.*))?$/;

class Reader {
  readonly #lines: Line[];
  #at = 0;

  constructor(lines: Line[]) {
    this.#lines = lines;
  }

  document(): unknown {
    const [first] = this.#lines;
    if (first === undefined || !pair.test(first.text)) leave();
    const value = this.#block(first.indent, 0);
    return this.#at === this.#lines.length ? value : leave();
  }

  #block(indent: number, depth: number): unknown {
    if (depth > maxDepth) leave();
    return isItem(this.#lines[this.#at]) ? this.#sequence(indent, depth) : this.#mapping(indent, depth);
  }

  #mapping(indent: number, depth: number): Record<string, unknown> {
    const value: Record<string, unknown> = {};
    for (let line = this.#lines[this.#at]; line !== undefined && line.indent >= indent; line = this.#lines[this.#at]) {
      const [, key = '', rest = ''] = (line.indent === indent && pair.exec(line.text)) || leave();
      if (words.test(key) || key === '__proto__' || Object.hasOwn(value, key)) leave();
      this.#at += 1;
      value[key] = rest === '' ? this.#below(indent, true, depth) : scalar(rest);
    }
    return value;
  }

  #sequence(indent: number, depth: number): unknown[] {
    const value: unknown[] = [];
    for (let line = this.#lines[this.#at]; isItem(line) && line.indent >= indent; line = this.#lines[this.#at]) {
      if (line.indent !== indent) leave();
      const rest = line.text.slice(1).replace(/^ +/, '');
      if (rest === '') {
        this.#at += 1;
        value.push(this.#below(indent, false, depth));
      } else if (pair.test(rest) || rest.startsWith('- ')) {
        // A collection that begins on the item's own line.
        const inner = indent + line.text.length - rest.length;
        this.#lines[this.#at] = { indent: inner, text: rest };
        value.push(this.#block(inner, depth + 1));
      } else {
        this.#at += 1;
        value.push(scalar(rest));
      }
    }
    return value;
  }

  /** What stands on the lines under a key or dash; a key's sequence may be indented no deeper than the key. */
  #below(indent: number, ofKey: boolean, depth: number): unknown {
    const line = this.#lines[this.#at];
    if (line !== undefined && (line.indent > indent || (ofKey && line.indent === indent && isItem(line))))
      return this.#block(line.indent, depth + 1);
    return null;
  }
}

const isItem = (line: Line | undefined): line is Line => line !== undefined && (line.text === '-' || line.text.startsWith('- '));

/** Words that mean something else than themselves, in some case; as a key too. */
const words = /^(?:y|yes|n|no|true|false|on|off|null)$/i;

/** A value that stands alone on the rest of its line. */
function scalar(text: string): unknown {
  const first = text[0];
  if (first === '"') return /^"[^"\\]*"$/.test(text) ? text.slice(1, -1) : leave();
  if (first === "'") return /^'[^']*'$/.test(text) ? text.slice(1, -1) : leave();
  if (first === '[' || first === '{') return flow(text);
  // A colon or a number sign may end a plain scalar.
  return /: |:$| #/.test(text) ? leave() : plain(text);
}

function plain(text: string): unknown {
  if (/^[A-Za-z_/]/.test(text)) {
    if (!words.test(text)) return text;
    return text === 'true' ? true : text === 'false' ? false : leave();
  }
  if (/^(?:0|[1-9]\d{0,14})$/.test(text)) return Number(text);
  // Durations and IPv4 addresses: what else begins with a digit may be a number of some form.
  return /^\d+(?:ms|[smh])$|^\d+\.\d+\.\d+\.\d+(?:\/\d+)?$/.test(text) ? text : leave();
}

const token = / *(?:([[\]{},])|"([^"\\]*)"|'([^']*)'|([A-Za-z0-9_/][\w./-]*)(:(?= ))?)/y;

/** A flow collection; the tokens of one line. */
function flow(text: string): unknown {
  let at = 0;
  const next = () => {
    token.lastIndex = at;
    const found = token.exec(text) ?? leave();
    at = token.lastIndex;
    const [, mark, double, single, word, colon] = found;
    return { mark, quoted: double ?? single, word, colon: colon !== undefined };
  };
  const value = (given: ReturnType<typeof next>, depth: number): unknown => {
    if (given.colon || depth > maxDepth) leave();
    if (given.quoted !== undefined) return given.quoted;
    if (given.word !== undefined) return plain(given.word);
    return given.mark === '[' ? list(depth + 1) : given.mark === '{' ? map(depth + 1) : leave();
  };
  const list = (depth: number): unknown[] => {
    const items: unknown[] = [];
    for (let given = next(); ; given = next()) {
      if (given.mark === ']' && items.length === 0) return items;
      items.push(value(given, depth));
      const { mark } = next();
      if (mark === ']') return items;
      if (mark !== ',') leave();
    }
  };
  const map = (depth: number): Record<string, unknown> => {
    const fields: Record<string, unknown> = {};
    for (let given = next(); ; given = next()) {
      if (given.mark === '}' && Object.keys(fields).length === 0) return fields;
      const { word: key = leave(), colon } = given;
      if (!colon || !/^[A-Za-z_]/.test(key) || words.test(key) || key === '__proto__' || Object.hasOwn(fields, key)) leave();
      fields[key] = value(next(), depth);
      const { mark } = next();
      if (mark === '}') return fields;
      if (mark !== ',') leave();
    }
  };
  const whole = value(next(), 0);
  return at === text.length ? whole : leave();
}
