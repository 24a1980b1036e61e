// A request inside an HTTP connection manager: its headers as they are by now, and the route that was chosen for it.

import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import { FilterConfigSchema, type Route, type VirtualHost } from '../../../gen/envoy/config/route/v3/route_components_pb.js';
import type { RouteConfiguration } from '../../../gen/envoy/config/route/v3/route_pb.js';
import type { HttpFilter as ChainEntry } from '../../../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import type { Answered } from '../explanation.ts';
import type { Headers } from '../headers.ts';
import type { Passage } from '../passage.ts';
import { typedConfig } from '../typed-config.ts';

export interface Exchange {
  readonly passage: Passage;
  readonly headers: Headers;
  readonly table: RouteConfiguration | undefined;
  readonly host: VirtualHost | undefined;
  readonly route: Route | undefined;
  /** Where the virtual host sends callers without TLS, instead of any of its routes. */
  readonly secured?: string | undefined;
  readonly filters: readonly ChainEntry[];
  /** Whether the router tells servers what it changed. */
  readonly tells: boolean;
}

export interface HttpFilterCall {
  readonly exchange: Exchange;
  /** The instance's name, by which routes speak to it. */
  readonly name: string;
  readonly config: Any | undefined;
  /** What the narrowest of route, virtual host and table says to it. */
  readonly own: Any | undefined;
}

/** What a filter does: lets the request pass, or answers it. It writes its own step. */
export type HttpFilter = (call: HttpFilterCall) => Answered | undefined;

/** What is said to a filter by name, narrowest first. */
export const perRoute = ({ route, host, table }: Pick<Exchange, 'route' | 'host' | 'table'>, name: string): Any | undefined =>
  route?.typedPerFilterConfig[name] ?? host?.typedPerFilterConfig[name] ?? table?.typedPerFilterConfig[name];

/** Whether a route switches a filter off or on; undefined: it says nothing of that. */
export function switched(own: Any | undefined): boolean | undefined {
  const config = typedConfig(FilterConfigSchema, own);
  return config === undefined ? undefined : !config.disabled;
}

/** Whether a filter of the chain takes no part; one that is `disabled` does where a route has something for it. */
export const isOff = (disabled: boolean, own: Any | undefined): boolean =>
  switched(own) === false || (disabled && switched(own) === undefined && own === undefined);

/** A filter's configuration: what is in the chain, what came for it by itself (ECDS), or what is in force until it comes. */
export const configOf = (
  { name, configType }: Pick<ChainEntry, 'name' | 'configType'>,
  { configuration }: Passage,
): Any | undefined =>
  configType.case === 'typedConfig'
    ? configType.value
    : configType.case === 'configDiscovery'
      ? (configuration.extension?.(name) ?? configType.value.defaultConfig)
      : undefined;

/** A filter's configuration: the route's own of the type, if it has one, else the chain's. */
export const effective = <Desc extends DescMessage>(
  schema: Desc,
  { own, config }: HttpFilterCall,
): MessageShape<Desc> | undefined => typedConfig(schema, unwrapped(own)) ?? typedConfig(schema, config);

/** A route may wrap what it says to a filter. */
export const unwrapped = (own: Any | undefined): Any | undefined => typedConfig(FilterConfigSchema, own)?.config ?? own;

export const answer = (status: number, flags: string, because: string, more: Partial<Answered> = {}): Answered => ({
  kind: 'answered',
  status,
  body: '',
  headers: [],
  flags,
  because,
  ...more,
});
