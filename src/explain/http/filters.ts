// The HTTP filters that explain knows, by the type of their configuration. Those that change nothing of where a request goes are
// passed over; what is not in the list is said to be unknown.

import { OnDemandSchema } from '../../../gen/envoy/extensions/filters/http/on_demand/v3/on_demand_pb.js';
import type { Answered } from '../explanation.ts';
import { note } from '../passage.ts';
import { typeOf } from '../typed-config.ts';
import { externalAuthorization, globalRateLimit, localRateLimit } from './asks.ts';
import { cors } from './cors.ts';
import { configOf, effective, isOff, perRoute, type Exchange, type HttpFilter } from './exchange.ts';
import { fault } from './fault.ts';
import { filterState } from './filter-state.ts';
import { headerMutation } from './header-mutation.ts';
import { istioAuthn } from './istio-authn.ts';
import { jwt } from './jwt.ts';
import { rbac } from './rbac.ts';
import { unread } from './unread.ts';

const silent: HttpFilter = () => undefined;

/** Before the router, what is not there is asked for. */
const onDemand: HttpFilter = (call) => {
  if (effective(OnDemandSchema, call)?.odcds !== undefined) call.exchange.passage.asksForClusters = true;
  return undefined;
};

const filters: Readonly<Record<string, HttpFilter>> = {
  'envoy.extensions.filters.http.rbac.v3.RBAC': rbac,
  'envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication': jwt,
  'envoy.extensions.filters.http.fault.v3.HTTPFault': fault,
  'envoy.extensions.filters.http.cors.v3.Cors': cors,
  'envoy.extensions.filters.http.set_filter_state.v3.Config': filterState,
  'envoy.extensions.filters.http.header_mutation.v3.HeaderMutation': headerMutation,
  'envoy.extensions.filters.http.ext_authz.v3.ExtAuthz': externalAuthorization,
  'envoy.extensions.filters.http.ratelimit.v3.RateLimit': globalRateLimit,
  'envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit': localRateLimit,
  // These look on, translate, or fetch what the steps after them show.
  'envoy.extensions.filters.http.router.v3.Router': silent,
  'envoy.extensions.filters.http.on_demand.v3.OnDemand': onDemand,
  'envoy.extensions.filters.http.dynamic_forward_proxy.v3.FilterConfig': silent,
  'envoy.extensions.filters.http.grpc_web.v3.GrpcWeb': silent,
  'envoy.extensions.filters.http.grpc_stats.v3.FilterConfig': silent,
  'envoy.extensions.filters.http.grpc_http1_bridge.v3.Config': silent,
  'envoy.extensions.filters.http.compressor.v3.Compressor': silent,
  'envoy.extensions.filters.http.decompressor.v3.Decompressor': silent,
  'envoy.extensions.filters.http.set_metadata.v3.Config': silent,
  // Istio's own, which look on too.
  'istio.envoy.config.filter.http.alpn.v2alpha1.FilterConfig': silent,
  'envoy.config.filter.http.alpn.v2alpha1.FilterConfig': silent,
  'istio.envoy.config.filter.http.authn.v2alpha1.FilterConfig': istioAuthn,
  'io.istio.http.peer_metadata.Config': silent,
  'io.istio.http.connect_authority.Config': silent,
  'io.istio.http.connect_baggage.Config': silent,
  'stats.PluginConfig': silent,
};

/** Filters that count, whose configuration comes by itself. */
const istioTelemetry = 'istio.io/telemetry/';

/** Lets a request pass the chain; what answers it ends it. */
export function passFilters(exchange: Exchange): Answered | undefined {
  for (const { name, configType, disabled } of exchange.filters) {
    const own = perRoute(exchange, name);
    if (isOff(disabled, own)) continue;
    const config = configOf({ name, configType }, exchange.passage);
    const type = config === undefined ? name : typeOf(config);
    if (config === undefined && name.startsWith(istioTelemetry)) continue;
    const filter = filters[type] ?? unread(type);
    if (filter === undefined) {
      note(exchange.passage, {
        kind: 'filter',
        name,
        text: `what ${name} does is not known here`,
        details: [type],
        effect: 'unknown',
      });
      exchange.passage.missing.add(
        `What filter ${name} (${type}) does is not known here; the steps after it hold if it lets the request pass unchanged.`,
      );
      continue;
    }
    const answered = filter({ exchange, name, config, own });
    if (answered !== undefined) return answered;
  }
  return undefined;
}
