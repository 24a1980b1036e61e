// Gateway: the ports and hosts that gateway workloads open (networking.istio.io). Read by mesh/gateway.

import type { Static } from 'typebox';
import { defineKind } from './kind.ts';
import { integer, list, message, nonEmpty, text, textMap } from './schema.ts';
import { documentOf, istioNetworking } from './shared/document.ts';
import { ServerTLSSettings } from './shared/tls-settings.ts';

export type { ServerTLSSettings } from './shared/tls-settings.ts';

/** Port 0 is for Unix sockets. */
const ServerPort = message(
  { number: integer(0, 65_535), protocol: nonEmpty, name: nonEmpty },
  { targetPort: integer(0, 65_535) },
);
export type ServerPort = Static<typeof ServerPort>;

const Server = message(
  { port: ServerPort, hosts: list(text, { minItems: 1 }) },
  { bind: text, tls: ServerTLSSettings, defaultEndpoint: text, name: text },
);
export type Server = Static<typeof Server>;

const Spec = message({ servers: list(Server, { minItems: 1 }) }, { selector: textMap });

const schema = documentOf(Spec);
export type Gateway = Static<typeof schema>;

export const gateway = defineKind({
  ...istioNetworking,
  kind: 'Gateway',
  plural: 'gateways',
  shortNames: ['gw'],
  schema,
  checks: [],
  columns: [
    { name: 'Selector', path: ['spec', 'selector'] },
    { name: 'Hosts', value: ({ body }) => hostsOf(body) },
  ],
  inEffect: true,
});

function hostsOf(body: unknown): string {
  const { spec } = body as Gateway;
  return [...new Set(spec.servers.flatMap(({ hosts }) => hosts))].join(',');
}
