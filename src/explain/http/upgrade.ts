// Requests that want to go on in another protocol (WebSocket, CONNECT): whether the route or the connection manager serves it, and by which
// filters they pass.

import type {
  HttpConnectionManager,
  HttpFilter,
} from '../../../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import type { Answered } from '../explanation.ts';
import { methodOf, upgradeWanted, type Headers } from '../headers.ts';
import { note } from '../passage.ts';
import { answer, type Exchange } from './exchange.ts';

/** `websocket`, `CONNECT`; undefined for what stays as it is. */
const upgradeAsked = (headers: Headers): string | undefined =>
  methodOf(headers) === 'CONNECT' ? 'CONNECT' : upgradeWanted(headers);

/** The filters that a request passes, or the answer to one whose protocol is not served. */
export function filtersFor(manager: HttpConnectionManager, exchange: Exchange): readonly HttpFilter[] | Answered {
  const { headers, route, passage } = exchange;
  const wanted = upgradeAsked(headers);
  if (wanted === undefined) return manager.httpFilters;
  const is = ({ upgradeType }: { readonly upgradeType: string }): boolean => upgradeType.toLowerCase() === wanted.toLowerCase();
  const own = route?.action.case === 'route' ? route.action.value.upgradeConfigs.find(is) : undefined;
  const ours = manager.upgradeConfigs.find(is);
  const served = own === undefined ? ours !== undefined && ours.enabled !== false : own.enabled !== false;
  if (served) {
    const text = own?.connectConfig === undefined ? `it goes on as ${wanted}` : 'the tunnel that it asks for (CONNECT) ends here';
    note(passage, { kind: 'http', name: 'HTTP connection manager', text, origins: [] });
    return ours !== undefined && ours.filters.length > 0 ? ours.filters : manager.httpFilters;
  }
  // Without a route it is answered as any other.
  if (route === undefined && exchange.secured === undefined) return manager.httpFilters;
  const where = own === undefined ? 'here' : 'by this route';
  note(
    passage,
    { kind: 'http', name: 'HTTP connection manager', text: `an upgrade to ${wanted} is not served ${where}`, effect: 'ends' },
    route?.metadata,
  );
  return answer(403, '', 'upgrade_failed');
}
