// Rules that answer by themselves → Envoy's redirects and direct responses.

import {
  RedirectAction_RedirectResponseCode,
  type RedirectActionSchema,
  type RouteSchema,
} from '../../../gen/envoy/config/route/v3/route_components_pb.js';
import type { Init } from '../../filters/any.ts';
import type { DirectResponse, Redirect } from '../../mesh/route.ts';

type Action = NonNullable<Init<typeof RouteSchema>['action']>;

/** Where callers come in: what `FROM_REQUEST_PORT` and a redirect without a scheme mean. */
export interface Entrance {
  readonly port: number;
  readonly tls?: boolean | undefined;
}

export function redirectAction(redirect: Redirect, entrance: Entrance): Action {
  const port = redirectPort(redirect, entrance);
  const value: Init<typeof RedirectActionSchema> = {
    ...(redirect.authority !== '' && { hostRedirect: redirect.authority }),
    ...(redirect.uri !== ''
      ? { pathRewriteSpecifier: { case: 'pathRedirect', value: redirect.uri } }
      : redirect.prefixRewrite !== '' && { pathRewriteSpecifier: { case: 'prefixRewrite', value: redirect.prefixRewrite } }),
    ...(redirect.scheme !== '' && { schemeRewriteSpecifier: { case: 'schemeRedirect', value: redirect.scheme } }),
    ...(port !== undefined && { portRedirect: port }),
    responseCode: codes[redirect.code] ?? RedirectAction_RedirectResponseCode.MOVED_PERMANENTLY,
  };
  return { case: 'redirect', value };
}

const codes: Readonly<Record<number, RedirectAction_RedirectResponseCode>> = {
  301: RedirectAction_RedirectResponseCode.MOVED_PERMANENTLY,
  302: RedirectAction_RedirectResponseCode.FOUND,
  303: RedirectAction_RedirectResponseCode.SEE_OTHER,
  307: RedirectAction_RedirectResponseCode.TEMPORARY_REDIRECT,
  308: RedirectAction_RedirectResponseCode.PERMANENT_REDIRECT,
};

/** A port that the scheme means anyway is not written into the location. By itself Envoy drops what the old scheme meant. */
function redirectPort({ port, derivePort, scheme }: Redirect, entrance: Entrance): number | undefined {
  const wanted = port ?? (derivePort === 'FROM_REQUEST_PORT' ? entrance.port : undefined);
  const usual = (scheme || (entrance.tls ? 'https' : 'http')) === 'https' ? 443 : 80;
  return wanted === usual ? undefined : wanted;
}

export const directAction = ({ status, body }: DirectResponse): Action => ({
  case: 'directResponse',
  value: { status, ...(body !== undefined && body.length > 0 && { body: { specifier: bodySource(body) } }) },
});

const bodySource = (body: string | Uint8Array) =>
  typeof body === 'string'
    ? { case: 'inlineString' as const, value: body }
    : { case: 'inlineBytes' as const, value: new Uint8Array(body) };
