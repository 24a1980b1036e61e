// A request as it is before its route is chosen: host, path, scheme and the caller's address, as the connection manager's settings
// make them.

import type { HttpConnectionManager } from '../../../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { HeaderMutationSchema } from '../../../gen/envoy/extensions/http/early_header_mutation/header_mutation/v3/header_mutation_pb.js';
import { isIpAddress } from '../../lib/ip-range.ts';
import type { Answered } from '../explanation.ts';
import { withoutPort } from '../domains.ts';
import { authorityOf, fullPathOf, headersOf, headerValue, isGrpc, methodOf, pathOf, type Headers } from '../headers.ts';
import { note, type Passage } from '../passage.ts';
import type { HttpRequest } from '../request.ts';
import { typedConfig } from '../typed-config.ts';
import { answer } from './exchange.ts';
import { mutate } from './header-mutation.ts';
import { normalPath } from './path.ts';

/** The headers that routes are chosen by, or the answer to a request that goes no further. */
export function arrive(manager: HttpConnectionManager, request: HttpRequest, passage: Passage): Headers | Answered {
  const headers = headersOf(request);
  const refused = refusal(manager, request);
  if (refused !== undefined) {
    note(passage, { kind: 'http', name: 'HTTP connection manager', text: refused.text, effect: 'ends' });
    return refused.answer;
  }
  const path = fullPathOf(headers);
  if (path !== '' && methodOf(headers) !== 'CONNECT') {
    const normal = normalPath(manager, path);
    // Callers of gRPC do not follow redirects.
    if (normal.kind === 'refused' || (normal.kind === 'redirect' && isGrpc(headers))) {
      note(passage, {
        kind: 'http',
        name: 'HTTP connection manager',
        text: 'the path has escaped slashes, which are refused',
        effect: 'ends',
      });
      return answer(400, '', 'path_normalization_failed');
    }
    if (normal.kind === 'redirect') {
      note(passage, {
        kind: 'http',
        name: 'HTTP connection manager',
        text: `the path has escaped slashes: the caller is sent to ${normal.path}`,
        effect: 'ends',
      });
      return answer(307, '', 'path_normalization_failed', { headers: [['location', normal.path]] });
    }
    if (normal.path !== path) {
      headers.set(':path', [normal.path]);
      note(passage, { kind: 'http', name: 'HTTP connection manager', text: `path ${path} is taken as ${pathOf(headers)}` });
    }
  }
  stripPort(manager, headers, passage);
  trustForwarded(manager, headers, passage);
  const scheme = manager.schemeHeaderTransformation?.transformation;
  if (scheme?.case === 'schemeToOverwrite') headers.set(':scheme', [scheme.value]).set('x-forwarded-proto', [scheme.value]);
  for (const { typedConfig: config } of manager.earlyHeaderMutationExtensions) {
    mutate(headers, typedConfig(HeaderMutationSchema, config)?.mutations ?? [], passage);
  }
  return headers;
}

function refusal(
  manager: HttpConnectionManager,
  request: HttpRequest,
): { readonly text: string; readonly answer: Answered } | undefined {
  if (request.version === 'HTTP/1.0' && manager.httpProtocolOptions?.acceptHttp10 !== true) {
    return { text: 'HTTP/1.0 is not served here', answer: answer(426, 'DPE', 'low_version', { body: 'Upgrade Required' }) };
  }
  if (request.authority === '') return { text: 'the request names no host', answer: answer(400, '', 'missing_host_header') };
  return undefined;
}

function stripPort(manager: HttpConnectionManager, headers: Headers, { local }: Passage): void {
  const host = authorityOf(headers);
  const bare = withoutPort(host);
  const any = manager.stripPortMode.case === 'stripAnyHostPort' && manager.stripPortMode.value;
  const matching = manager.stripMatchingHostPort && host.slice(bare.length) === `:${local.port}`;
  const stripped = any || matching ? bare : host;
  headers.set(':authority', [manager.stripTrailingHostDot ? stripped.replace(/\.(?=:\d+$|$)/, '') : stripped]);
}

/** Whose word counts for who calls, and over which scheme: the connection's, or that of the proxies before this one. */
function trustForwarded(manager: HttpConnectionManager, headers: Headers, passage: Passage): void {
  const edge = manager.useRemoteAddress === true;
  const hops = manager.xffNumTrustedHops;
  const connection = passage.ended === undefined ? 'http' : 'https';
  const said = edge && hops === 0 ? undefined : headerValue(headers, 'x-forwarded-proto');
  const scheme = said ?? connection;
  headers.set('x-forwarded-proto', [scheme]);
  // Callers of HTTP/2 say the scheme themselves.
  if (passage.request.kind === 'http' && passage.request.version !== 'HTTP/2')
    headers.set(':scheme', [scheme === 'https' ? 'https' : 'http']);
  if (edge && hops === 0) return;
  if (headers.doubt !== undefined && !headers.has('x-forwarded-for')) passage.remoteUnsure = true;
  const chain = (headerValue(headers, 'x-forwarded-for') ?? '').split(',').map((word) => word.trim());
  const address = chain.at(-1 - (edge ? hops - 1 : hops));
  if (address !== undefined && isIpAddress(address)) passage.remote = { ...passage.remote, address, port: undefined };
}
