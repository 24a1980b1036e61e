// Envoy's regular expressions (RE2) as JavaScript's: the same language, written in its syntax.

const cache = new Map<string, RegExp | undefined>();
const cacheLimit = 10_000;

/** Whether an expression matches all of a text; undefined for one that RE2, or this reader, does not take. */
export function matchesWhole(regex: string, text: string): boolean | undefined {
  return compiled(`^(?:${translated(regex) ?? '(?<'})$`)?.test(text);
}

/** Every match replaced, as `regex_rewrite` does; `\1` is the first group, `\0` the whole match. */
export function replaceAll(regex: string, text: string, substitution: string): string | undefined {
  const source = translated(regex);
  const expression = source === undefined ? undefined : compiled(source);
  if (expression === undefined) return undefined;
  const global = new RegExp(expression.source, 'gu');
  return text.replaceAll(global, (...found: unknown[]) =>
    substitution.replaceAll(/\\(\d|\\)/g, (_, digit: string) => {
      const group = digit === '\\' ? '\\' : found[Number(digit)];
      return typeof group === 'string' ? group : '';
    }),
  );
}

function compiled(source: string): RegExp | undefined {
  if (cache.has(source)) return cache.get(source);
  if (cache.size >= cacheLimit) cache.clear();
  let made: RegExp | undefined;
  try {
    made = new RegExp(source, 'u');
  } catch {
    made = undefined;
  }
  cache.set(source, made);
  return made;
}

const classes: Readonly<Record<string, string>> = {
  alnum: '0-9A-Za-z',
  alpha: 'A-Za-z',
  ascii: '\\x00-\\x7F',
  blank: '\\t ',
  cntrl: '\\x00-\\x1F\\x7F',
  digit: '0-9',
  graph: '!-~',
  lower: 'a-z',
  print: ' -~',
  punct: '!-\\/:-@\\[-`\\{-~',
  space: '\\t\\n\\v\\f\\r ',
  upper: 'A-Z',
  word: '0-9A-Za-z_',
  xdigit: '0-9A-Fa-f',
};

/** One open group: the flags that a `(?i)` inside it has switched on, and how many extra groups say so. */
interface Group {
  readonly dotAll: boolean;
  readonly wrapped: readonly string[];
}

/** The expression in JavaScript's syntax for its `u` mode; undefined for what has none. */
function translated(regex: string): string | undefined {
  let out = '';
  let at = 0;
  const groups: Group[] = [{ dotAll: false, wrapped: [] }];
  const top = (): Group => groups.at(-1) ?? { dotAll: false, wrapped: [] };
  while (at < regex.length) {
    const rest = regex.slice(at);
    const character = String.fromCodePoint(rest.codePointAt(0) ?? 0);
    if (character === '\\') {
      const escape = escaped(rest, false);
      if (escape === undefined) return undefined;
      out += escape.text;
      at += escape.length;
      continue;
    }
    if (character === '[') {
      const found = bracketed(rest);
      if (found === undefined) return undefined;
      out += found.text;
      at += found.length;
      continue;
    }
    if (character === '(') {
      const flags = /^\(\?([imsU]*)(?:-([imsU]+))?([:)])/.exec(rest);
      const named = /^\(\?P?<(\w+)>/.exec(rest);
      // Look-around, say, which RE2 has not.
      if (rest[1] === '?' && flags === null && named === null) return undefined;
      if (flags !== null) {
        const [whole, on = '', off = '', end] = flags;
        const dotAll = (top().dotAll || on.includes('s')) && !off.includes('s');
        const opening = opened(on, off);
        if (end === ':') {
          groups.push({ dotAll, wrapped: [] });
          out += opening;
        } else {
          const { wrapped } = top();
          groups[groups.length - 1] = { dotAll, wrapped: [...wrapped, opening] };
          out += opening;
        }
        at += whole.length;
      } else {
        groups.push({ dotAll: top().dotAll, wrapped: [] });
        out += named === null ? '(' : `(?<${named[1]}>`;
        at += named === null ? 1 : named[0].length;
      }
      continue;
    }
    at += character.length;
    if (character === ')') {
      const closing = groups.pop();
      if (closing === undefined || groups.length === 0) return undefined;
      out += ')'.repeat(closing.wrapped.length + 1);
    } else if (character === '|') {
      // A flag holds for all alternatives that follow it.
      const { wrapped } = top();
      out += `${')'.repeat(wrapped.length)}|${wrapped.join('')}`;
    } else if (character === '.') out += top().dotAll ? '[^]' : '[^\\n]';
    else if (character === '{') out += /^\{\d+(?:,\d*)?\}/.test(rest) ? '{' : '\\{';
    else if (character === '}') out += /\{\d+(?:,\d*)?$/.test(out) ? '}' : '\\}';
    else if (character === ']') out += '\\]';
    else if (character === '/') out += '\\/';
    else out += character;
  }
  return groups.length === 1 ? out + ')'.repeat(top().wrapped.length) : undefined;
}

/** Of the flags only case and lines need JavaScript's own; `.` is translated, and greed decides no match. */
function opened(on: string, off: string): string {
  const keep = (flags: string) => [...new Set(flags)].filter((flag) => flag === 'i' || flag === 'm').join('');
  const removed = keep(off);
  const added = keep(on);
  return added === '' && removed === '' ? '(?:' : `(?${added}${removed === '' ? '' : `-${removed}`}:`;
}

interface Piece {
  readonly text: string;
  readonly length: number;
}

function escaped(rest: string, inClass: boolean): Piece | undefined {
  const character = rest[1];
  if (character === undefined) return undefined;
  const simple = (text: string): Piece => ({ text, length: 2 });
  if (character === 'Q') {
    const end = rest.indexOf('\\E', 2);
    const literal = rest.slice(2, end < 0 ? undefined : end);
    return { text: literal.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, hexadecimal), length: end < 0 ? rest.length : end + 2 };
  }
  const property = /^\\([pP])(?:([A-Z])|\{(\^?)(\w+)\})/.exec(rest);
  if (property !== null) {
    const [whole, sign = 'p', letter, negated = '', name = ''] = property;
    const kind = (sign === 'P') !== (negated !== '') ? 'P' : 'p';
    const word = letter ?? name;
    return { text: `\\${kind}{${word.length <= 2 ? word : `Script=${word}`}}`, length: whole.length };
  }
  const code = /^\\(?:x\{([0-9A-Fa-f]{1,6})\}|x([0-9A-Fa-f]{2})|(0[0-7]{0,2}))/.exec(rest);
  if (code !== null) {
    const [whole, long, short, octal] = code;
    const value = octal === undefined ? (long ?? short ?? '0') : Number.parseInt(octal, 8).toString(16);
    return { text: `\\u{${value}}`, length: whole.length };
  }
  const space = '\\t\\n\\f\\r ';
  switch (character) {
    case 'A':
      return simple('(?<![^])');
    case 'z':
      return simple('(?![^])');
    case 'a':
      return simple('\\x07');
    case 'C':
      return simple('[^]');
    case 's':
      return simple(inClass ? space : `[${space}]`);
    case 'S':
      return simple(inClass ? '\\S' : `[^${space}]`);
    default:
      if (/[dDwWbBfnrtv]/.test(character)) return simple(`\\${character}`);
      return /[A-Za-z0-9]/.test(character) ? undefined : simple(hexadecimal(character));
  }
}

const hexadecimal = (character: string): string => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;

function bracketed(rest: string): Piece | undefined {
  let at = 1;
  let out = '[';
  if (rest[at] === '^') {
    out += '^';
    at++;
  }
  for (let first = true; at < rest.length; first = false) {
    const named = /^\[:(\^?)([a-z]+):\]/.exec(rest.slice(at));
    if (named !== null) {
      const [whole, negated, name = ''] = named;
      const set = classes[name];
      // A complement within a class has no form of its own.
      if (set === undefined || negated !== '') return undefined;
      out += set;
      at += whole.length;
      continue;
    }
    const character = String.fromCodePoint(rest.codePointAt(at) ?? 0);
    if (character === ']' && !first) return { text: `${out}]`, length: at + 1 };
    if (character === '\\') {
      const escape = escaped(rest.slice(at), true);
      if (escape === undefined) return undefined;
      out += escape.text;
      at += escape.length;
      continue;
    }
    out += /[[\]^/]/.test(character) ? `\\${character}` : character;
    at += character.length;
  }
  return undefined;
}
