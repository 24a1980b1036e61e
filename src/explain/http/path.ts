// What an HTTP connection manager makes of a path before anything looks at it: dots and slashes.

import {
  HttpConnectionManager_PathWithEscapedSlashesAction as Action,
  type HttpConnectionManager,
} from '../../../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';

export type NormalPath =
  | { readonly kind: 'path'; readonly path: string }
  /** Refused with 400, or sent back to the client under its plain name. */
  | { readonly kind: 'refused' }
  | { readonly kind: 'redirect'; readonly path: string };

/** `path` with its query. */
export function normalPath(manager: HttpConnectionManager, path: string): NormalPath {
  const cut = path.search(/[?#]/);
  let [plain, rest] = cut < 0 ? [path, ''] : [path.slice(0, cut), path.slice(cut)];
  const escaped = /%(?:2f|5c)/i.test(plain);
  let redirect = false;
  switch (manager.pathWithEscapedSlashesAction) {
    case Action.REJECT_REQUEST:
      if (escaped) return { kind: 'refused' };
      break;
    case Action.UNESCAPE_AND_REDIRECT:
    case Action.UNESCAPE_AND_FORWARD:
      redirect = escaped && manager.pathWithEscapedSlashesAction === Action.UNESCAPE_AND_REDIRECT;
      plain = plain.replaceAll(/%2f/gi, '/').replaceAll(/%5c/gi, '\\');
      break;
    default:
  }
  if (manager.normalizePath === true) plain = withoutDots(escapedAlike(plain.replaceAll('\\', '/')));
  if (manager.mergeSlashes) plain = merged(plain);
  rest = rest.replace(/#.*$/s, '');
  return { kind: redirect ? 'redirect' : 'path', path: plain + rest };
}

/** One slash for several; a path of nothing else keeps its first and its last. */
function merged(path: string): string {
  if (!path.includes('//')) return path;
  const segments = path.split('/').filter((segment) => segment !== '');
  return `${path.startsWith('/') ? '/' : ''}${segments.join('/')}${path.endsWith('/') ? '/' : ''}`;
}

/** Every path is written in one way: what must be escaped is, and nothing that need not be. */
const escapedAlike = (path: string): string =>
  unescaped(path).replaceAll(/["<>^`{|}]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);

/** Characters that need no escape lose it: `%61` is `a`, and dots may be written as %2e. */
const unescaped = (path: string): string =>
  path.replaceAll(/%[0-9a-f]{2}/gi, (code) => {
    const character = String.fromCharCode(Number.parseInt(code.slice(1), 16));
    return /[\w.~-]/.test(character) ? character : code;
  });

/** `/a/./b/../c` → `/a/c`. */
function withoutDots(path: string): string {
  if (!path.startsWith('/')) return path;
  const kept: string[] = [];
  const segments = path.slice(1).split('/');
  for (const [index, segment] of segments.entries()) {
    const last = index === segments.length - 1;
    if (segment === '.' || segment === '..') {
      if (segment === '..') kept.pop();
      if (last) kept.push('');
    } else kept.push(segment);
  }
  return `/${kept.join('/')}`;
}
