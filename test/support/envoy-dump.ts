// An Envoy's dump made by hand, and the rows of tables that show it: for tests of what `lateen proxy` prints.

import type { JsonValue } from '@bufbuild/protobuf';
import { readConfigDump, type ReadDump } from '../../src/cli/envoy-tables/config-dump.ts';
import { configurationText, type Choice, type Layout } from '../../src/cli/envoy-tables/configuration.ts';
import type { Shown } from '../../src/cli/envoy-tables/row.ts';
import type { Part } from '../../src/control/configuration-parts.ts';
import { nowhere } from '../../src/explain/origins.ts';

export const now = new Date('2030-01-01T00:00:00Z');

export const cellsOf = (text: string): string[][] => text.split('\n').map((line) => line.split(/ {3,}/));

/** The rows of one part without its head. */
export const rowsOf = (shown: Shown, part: Part, choice: Choice = {}, layout: Layout = {}): string[][] =>
  cellsOf(configurationText(shown, { ...choice, part }, layout)).slice(1);

export const any = (type: string, fields: Readonly<Record<string, JsonValue>>): Record<string, JsonValue> => ({
  '@type': `type.googleapis.com/${type}`,
  ...fields,
});

export const manager = (fields: Readonly<Record<string, JsonValue>>): JsonValue => ({
  name: 'envoy.filters.network.http_connection_manager',
  typed_config: any('envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager', fields),
});
export const tcp = (fields: Readonly<Record<string, JsonValue>>): JsonValue => ({
  name: 'envoy.filters.network.tcp_proxy',
  typed_config: any('envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy', { stat_prefix: 's', ...fields }),
});
export const socket = (address: string, port: number): JsonValue => ({ socket_address: { address, port_value: port } });
export const origin = (source: string): JsonValue => ({ filter_metadata: { lateen: { source } } });

/** A dump as Envoy writes it, of these sections. */
export const dumped = async (sections: Readonly<Record<string, JsonValue>>): Promise<ReadDump> =>
  readConfigDump([JSON.stringify({ configs: [{ dynamic_listeners: [], ...sections }] })], ['a dump']);
export const shownOf = async (sections: Readonly<Record<string, JsonValue>>): Promise<Shown> =>
  (await dumped(sections)).shown(nowhere, now);

export const listening = (listener: Readonly<Record<string, JsonValue>>): Readonly<Record<string, JsonValue>> => ({
  dynamic_listeners: [{ active_state: { listener: any('envoy.config.listener.v3.Listener', listener) } }],
});

export const routing = (hosts: JsonValue): Readonly<Record<string, JsonValue>> => ({
  dynamic_route_configs: [
    { route_config: any('envoy.config.route.v3.RouteConfiguration', { name: '9080', virtual_hosts: hosts }) },
  ],
});
