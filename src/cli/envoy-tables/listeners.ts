// Listeners as rows: what each filter chain matches, and where its traffic goes.

import type { JsonValue } from '@bufbuild/protobuf';
import { connectionCluster } from '../../compile/demand/dialled.ts';
import { at, list, text } from './json.ts';

export const listenerHead = ['Listener', 'Address', 'Match', 'Destination'] as const;

export function listenerRows(listener: JsonValue): string[][] {
  const name = text(listener, 'name');
  const address = socketText(at(listener, 'address'));
  const chains = [...list(listener, 'filterChains'), ...(at(listener, 'defaultFilterChain') === undefined ? [] : [undefined])];
  return chains.map((chain) => {
    const shown = chain ?? at(listener, 'defaultFilterChain');
    return [
      name,
      address,
      chain === undefined ? 'anything else' : matchText(at(chain, 'filterChainMatch')),
      destinationText(shown),
    ];
  });
}

/** `10.0.0.1:80`, a Unix socket's path, or an internal listener's name. */
export function socketText(address: JsonValue | undefined): string {
  const socket = at(address, 'socketAddress');
  if (socket !== undefined) return hostPort(text(socket, 'address'), text(socket, 'portValue'));
  return text(address, 'pipe', 'path') || text(address, 'envoyInternalAddress', 'serverListenerName');
}

const hostPort = (host: string, port: string): string => `${host.includes(':') ? `[${host}]` : host}:${port}`;

function matchText(match: JsonValue | undefined): string {
  const parts = [
    ...list(match, 'serverNames').map((name) => `sni ${text(name)}`),
    ...(text(match, 'transportProtocol') === '' ? [] : [text(match, 'transportProtocol')]),
    ...(list(match, 'applicationProtocols').length === 0
      ? []
      : [
          list(match, 'applicationProtocols')
            .map((alpn) => text(alpn))
            .join(','),
        ]),
    ...list(match, 'prefixRanges').map((range) => `${text(range, 'addressPrefix')}/${text(range, 'prefixLen')}`),
    ...list(match, 'sourcePrefixRanges').map((range) => `from ${text(range, 'addressPrefix')}/${text(range, 'prefixLen')}`),
    ...(text(match, 'destinationPort') === '' ? [] : [`port ${text(match, 'destinationPort')}`]),
  ];
  return parts.length === 0 ? 'all' : parts.join(' ');
}

/** Where connections go whose address says which cluster they are for. */
export const dialledText = 'the service at that address, on demand';

function destinationText(chain: JsonValue | undefined): string {
  const filters = list(chain, 'filters');
  for (const filter of filters) {
    const config = at(filter, 'typedConfig');
    const type = text(config, '@type');
    if (type.endsWith('.HttpConnectionManager')) {
      const route = text(config, 'rds', 'routeConfigName');
      if (route !== '') return `route ${route}`;
      const name = text(config, 'routeConfig', 'name');
      return `inline route ${name}`.trim();
    }
    if (list(config, 'onNewConnection').some((state) => text(state, 'objectKey') === connectionCluster)) return dialledText;
    if (type.endsWith('.TcpProxy')) {
      const weighted = list(config, 'weightedClusters', 'clusters');
      if (weighted.length === 0) return `cluster ${text(config, 'cluster')}`;
      return `clusters ${weighted.map((cluster) => `${text(cluster, 'name')} (${text(cluster, 'weight')})`).join(', ')}`;
    }
  }
  return filters.map((filter) => text(filter, 'name')).join(', ');
}
