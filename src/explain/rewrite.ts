// What a route makes of a request's path and host before it is sent, and of its URL when it redirects.

import {
  RedirectAction_RedirectResponseCode,
  type RedirectAction,
  type Route,
  type RouteAction,
  type WeightedCluster_ClusterWeight,
} from '../../gen/envoy/config/route/v3/route_components_pb.js';
import type { RegexMatchAndSubstitute } from '../../gen/envoy/type/matcher/v3/regex_pb.js';
import { UriTemplateMatchConfigSchema } from '../../gen/envoy/extensions/path/match/uri_template/v3/uri_template_match_pb.js';
import { UriTemplateRewriteConfigSchema } from '../../gen/envoy/extensions/path/rewrite/uri_template/v3/uri_template_rewrite_pb.js';
import { authorityOf, fullPathOf, headerValue, pathOf, schemeOf, type Headers } from './headers.ts';
import { fillTemplate, matchTemplate } from './path-template.ts';
import { replaceAll } from './regex.ts';
import { typedConfig } from './typed-config.ts';
import { withoutPort } from './domains.ts';

/** Changes path and host in place. */
export function rewriteRequest(
  route: Route,
  action: RouteAction,
  weighted: WeightedCluster_ClusterWeight | undefined,
  headers: Headers,
): void {
  const host = rewrittenHost(action, weighted, headers);
  if (host !== undefined) {
    if (action.appendXForwardedHost) headers.set('x-forwarded-host', [authorityOf(headers)]);
    headers.set(':authority', [host]);
  }
  const path = rewrittenPath(route, action, headers);
  if (path === undefined || path === fullPathOf(headers)) return;
  headers.set(':path', [path]);
}

function rewrittenHost(
  { hostRewriteSpecifier: specifier }: RouteAction,
  weighted: WeightedCluster_ClusterWeight | undefined,
  headers: Headers,
): string | undefined {
  const own = weighted?.hostRewriteSpecifier;
  switch (specifier.case) {
    case 'hostRewriteLiteral':
      return specifier.value;
    case 'hostRewriteHeader':
      return headerValue(headers, specifier.value) || undefined;
    case 'hostRewritePathRegex':
      return replaceAll(specifier.value.pattern?.regex ?? '', pathOf(headers), specifier.value.substitution);
    default:
      return own?.case === 'hostRewriteLiteral' && own.value !== '' ? own.value : undefined;
  }
}

interface PathChange {
  readonly prefixRewrite: string;
  readonly regexRewrite?: RegexMatchAndSubstitute | undefined;
}

function rewrittenPath(route: Route, action: RouteAction, headers: Headers): string | undefined {
  const template = typedConfig(UriTemplateRewriteConfigSchema, action.pathRewritePolicy?.typedConfig);
  if (template === undefined) return changedPath(route, action, headers);
  const specifier = route.match?.pathSpecifier;
  const pattern =
    specifier?.case === 'pathMatchPolicy'
      ? typedConfig(UriTemplateMatchConfigSchema, specifier.value.typedConfig)?.pathTemplate
      : undefined;
  const taken = pattern === undefined ? undefined : matchTemplate(pattern, pathOf(headers));
  return taken === undefined ? undefined : fillTemplate(template.pathTemplateRewrite, taken) + queryText(headers);
}

const queryText = (headers: Headers): string => fullPathOf(headers).slice(pathOf(headers).length);

/** What the match took of the path makes room for the new text: the prefix, or the whole of an exact or regular match. */
function changedPath({ match }: Route, { prefixRewrite, regexRewrite }: PathChange, headers: Headers): string | undefined {
  const path = pathOf(headers);
  if (regexRewrite?.pattern !== undefined) {
    const changed = replaceAll(regexRewrite.pattern.regex, path, regexRewrite.substitution);
    return changed === undefined ? undefined : changed + queryText(headers);
  }
  if (prefixRewrite === '') return undefined;
  const specifier = match?.pathSpecifier;
  const matched =
    specifier?.case === 'prefix' || specifier?.case === 'pathSeparatedPrefix' ? specifier.value.length : path.length;
  return prefixRewrite + fullPathOf(headers).slice(matched);
}

export const redirectStatus: Readonly<Record<RedirectAction_RedirectResponseCode, number>> = {
  [RedirectAction_RedirectResponseCode.MOVED_PERMANENTLY]: 301,
  [RedirectAction_RedirectResponseCode.FOUND]: 302,
  [RedirectAction_RedirectResponseCode.SEE_OTHER]: 303,
  [RedirectAction_RedirectResponseCode.TEMPORARY_REDIRECT]: 307,
  [RedirectAction_RedirectResponseCode.PERMANENT_REDIRECT]: 308,
};

export interface RedirectAnswer {
  readonly status: number;
  readonly location: string;
}

/** The path that formats of the redirect's headers read: Envoy writes the new one into the request too, unless it is given as a whole. */
export const pathOnceRedirected = (route: Route, { pathRewriteSpecifier: specifier }: RedirectAction, headers: Headers): string =>
  specifier.case === 'prefixRewrite' || specifier.case === 'regexRewrite'
    ? newPath(route, specifier, headers)
    : fullPathOf(headers);

export function redirected(route: Route, redirect: RedirectAction, headers: Headers): RedirectAnswer {
  const old = schemeOf(headers);
  const { schemeRewriteSpecifier: scheme } = redirect;
  const now = scheme.case === 'schemeRedirect' ? scheme.value : scheme.case === 'httpsRedirect' && scheme.value ? 'https' : old;
  const port = redirect.portRedirect === 0 ? '' : `:${redirect.portRedirect}`;
  const host = redirect.hostRedirect || hostFor(authorityOf(headers), { old, now, port });
  const path = redirectPath(route, redirect, headers);
  return {
    status: redirectStatus[redirect.responseCode],
    location: `${now}://${host}${port}${path.startsWith('/') ? '' : '/'}${path}`,
  };
}

/** The port goes where the redirect has its own, or where it was what the old scheme meant anyway. */
function hostFor(
  host: string,
  { old, now, port }: { readonly old: string; readonly now: string; readonly port: string },
): string {
  const bare = withoutPort(host);
  const usual = now !== old && host.slice(bare.length) === (old === 'https' ? ':443' : ':80');
  return port !== '' || usual ? bare : host;
}

function redirectPath(route: Route, redirect: RedirectAction, headers: Headers): string {
  const { pathRewriteSpecifier: specifier, stripQuery } = redirect;
  const strip = (path: string): string => (stripQuery ? path.replace(/\?.*$/s, '') : path);
  switch (specifier.case) {
    case 'pathRedirect':
      // Its own query counts, and stays.
      return specifier.value.includes('?') ? specifier.value : strip(specifier.value + queryText(headers));
    case 'prefixRewrite':
    case 'regexRewrite':
      return strip(newPath(route, specifier, headers));
    case undefined:
      return strip(fullPathOf(headers));
  }
}

type PathRewrite = Extract<RedirectAction['pathRewriteSpecifier'], { readonly case: 'prefixRewrite' | 'regexRewrite' }>;

function newPath(route: Route, specifier: PathRewrite, headers: Headers): string {
  const change =
    specifier.case === 'prefixRewrite'
      ? { prefixRewrite: specifier.value }
      : { prefixRewrite: '', regexRewrite: specifier.value };
  return changedPath(route, change, headers) ?? fullPathOf(headers);
}
