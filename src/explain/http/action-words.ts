// What a route's action says besides where it goes: how servers are kept apart by hashes, and redirects that the proxy follows itself.

import type { RouteAction, RouteAction_HashPolicy } from '../../../gen/envoy/config/route/v3/route_components_pb.js';
import { listed, timesText } from '../passage.ts';

/** In clauses, for details. */
export function actionWords({ hashPolicy, internalRedirectPolicy }: RouteAction): string[] {
  const hashes = hashPolicy.flatMap((each) => hashWords(each) ?? []);
  const redirects = internalRedirectPolicy;
  const codes = redirects?.redirectResponseCodes ?? [];
  return [
    ...(hashes.length === 0 ? [] : [`where servers are chosen by hash, it is that of ${listed(hashes)}`]),
    ...(redirects === undefined
      ? []
      : [
          `redirects of servers (${codes.length === 0 ? '302' : codes.join(', ')}) are followed here, ${timesText(redirects.maxInternalRedirects ?? 1)}`,
        ]),
  ];
}

function hashWords({ policySpecifier: policy, terminal }: RouteAction_HashPolicy): string | undefined {
  const last = terminal ? ' (if there is one, by nothing else)' : '';
  switch (policy.case) {
    case 'header':
      return `header ${policy.value.headerName}${last}`;
    case 'cookie':
      return `cookie ${policy.value.name}${policy.value.ttl === undefined ? '' : ' (which it sets)'}${last}`;
    case 'queryParameter':
      return `query parameter ${policy.value.name}${last}`;
    case 'connectionProperties':
      return policy.value.sourceIp ? `the caller’s address${last}` : undefined;
    case 'filterState':
      return `${policy.value.key}${last}`;
    case undefined:
      return undefined;
  }
}
