// Which listener a connection meets, and what its filters find in the first bytes.

import type { Address as EnvoyAddress } from '../../gen/envoy/config/core/v3/address_pb.js';
import { TrafficDirection } from '../../gen/envoy/config/core/v3/base_pb.js';
import type {
  ListenerFilter,
  ListenerFilterChainMatchPredicate,
} from '../../gen/envoy/config/listener/v3/listener_components_pb.js';
import type { Listener } from '../../gen/envoy/config/listener/v3/listener_pb.js';
import { typeOf } from './typed-config.ts';
import { note, type Passage } from './passage.ts';
import { addressText, type Address } from './request.ts';

/** The listener that takes the connection, with `passage` telling what it knows of it; undefined where none does. */
export function acceptingListener(passage: Passage): Listener | undefined {
  const { request, configuration } = passage;
  const { listeners } = configuration;
  const entrance = entranceOf(passage);
  if (entrance === undefined) {
    const { entry } = request;
    const at =
      typeof entry === 'string'
        ? `for ${entry} connections`
        : 'listener' in entry
          ? `that is called ${entry.listener}`
          : `at port ${entry.port}`;
    note(passage, {
      kind: 'listener',
      name: '',
      text: `the proxy has no listener ${at}`,
      effect: 'ends',
      details: openPorts(listeners),
    });
    return undefined;
  }
  // What came through a tunnel: its other end has proven who it is.
  if (typeof request.entry === 'object' && 'listener' in request.entry && request.source.identity !== undefined)
    passage.state.set('io.istio.peer_principal', request.source.identity);
  inspect(passage, entrance);
  // Redirected connections are handed to the listener of what was dialled.
  const own = handsOn(entrance) ? listenerAt(listeners, passage.local) : undefined;
  if (own === undefined || own === entrance) {
    const rest = handsOn(entrance)
      ? `, which takes what no other listener is for: nothing listens for ${addressText(passage.local)}`
      : '';
    note(
      passage,
      {
        kind: 'listener',
        name: entrance.name,
        text: `the connection to ${addressText(passage.local)} meets listener ${entrance.name}${rest}`,
      },
      entrance.metadata,
    );
    return entrance;
  }
  inspect(passage, own);
  note(
    passage,
    {
      kind: 'listener',
      name: own.name,
      text: `the connection to ${addressText(passage.local)} is redirected to the sidecar and meets listener ${own.name}`,
      details: found(passage),
    },
    own.metadata,
  );
  return own;
}

const handsOn = (listener: Listener): boolean => listener.useOriginalDst === true;

function entranceOf({ configuration, request }: Passage): Listener | undefined {
  const { listeners } = configuration;
  switch (request.entry) {
    case 'outbound':
      return (
        listeners.find(({ name }) => name === 'virtualOutbound') ??
        listeners.find((each) => handsOn(each) && each.trafficDirection === TrafficDirection.OUTBOUND) ??
        listeners.find(handsOn) ??
        // Without redirection applications call the listeners themselves.
        listenerAt(listeners, request.destination)
      );
    case 'inbound':
      return (
        listeners.find(({ name }) => name === 'virtualInbound') ??
        listeners.find((each) => each.trafficDirection === TrafficDirection.INBOUND && hasOriginalDestination(each)) ??
        listenerAt(listeners, request.destination)
      );
    default: {
      const { entry, destination } = request;
      if ('listener' in entry) return listeners.find(({ name }) => name === entry.listener);
      return listenerAt(listeners.filter(opens), { address: destination.address, port: entry.port });
    }
  }
}

const opens = ({ bindToPort, deprecatedV1 }: Listener): boolean => bindToPort ?? deprecatedV1?.bindToPort ?? true;

/** Whether its chains are asked for the port that was dialled. */
export const hasOriginalDestination = ({ listenerFilters }: Listener): boolean =>
  listenerFilters.some((filter) => filterType(filter).endsWith('.OriginalDst'));

/** The listener on exactly this address, else the one on all addresses of its version. */
function listenerAt(listeners: readonly Listener[], { address, port }: Address): Listener | undefined {
  const any = address.includes(':') ? '::' : '0.0.0.0';
  const at = (wanted: string) =>
    listeners.find((listener) => boundAt(listener).some((bound) => bound.address === wanted && bound.port === port));
  if (port === 0) return at(address);
  // `::` with both versions takes IPv4 too.
  return at(address) ?? at(any) ?? (any === '0.0.0.0' ? listeners.find((each) => takesBoth(each, port)) : undefined);
}

function takesBoth({ address }: Listener, port: number): boolean {
  if (address?.address.case !== 'socketAddress') return false;
  const { value } = address.address;
  return value.ipv4Compat && value.address === '::' && value.portSpecifier.value === port;
}

function boundAt({ address, additionalAddresses }: Listener): Address[] {
  return [address, ...additionalAddresses.map((each) => each.address)].flatMap((each) =>
    each === undefined ? [] : (plainAddress(each) ?? []),
  );
}

/** An Envoy address as it is written; undefined for what is neither an IP's nor a socket's. */
export function plainAddress({ address }: EnvoyAddress): Address | undefined {
  if (address.case === 'pipe') return { address: address.value.path, port: 0 };
  if (address.case !== 'socketAddress') return undefined;
  const { portSpecifier, address: text } = address.value;
  return { address: text, port: portSpecifier.case === 'portValue' ? portSpecifier.value : 0 };
}

function openPorts(listeners: readonly Listener[]): string[] {
  const bound = listeners.filter(opens).flatMap((listener) => boundAt(listener).map(addressText));
  return bound.length === 0 ? ['it listens nowhere'] : [`it listens at ${[...new Set(bound)].slice(0, 12).join(', ')}`];
}

const filterType = ({ configType, name }: ListenerFilter): string =>
  configType.case === 'typedConfig' ? typeOf(configType.value) : name;

/** What the listener's filters find, as far as they look. */
function inspect(passage: Passage, listener: Listener): void {
  const { request } = passage;
  for (const filter of listener.listenerFilters) {
    if (filter.filterDisabled !== undefined && holds(filter.filterDisabled, passage)) continue;
    const type = filterType(filter);
    if (type.endsWith('.TlsInspector') || type.endsWith('tls_inspector')) {
      if (request.tls === undefined) continue;
      passage.transport = 'tls';
      passage.sni = (request.tls.sni ?? '').toLowerCase();
      passage.alpn = request.tls.alpn ?? [];
    } else if (type.endsWith('.HttpInspector') || type.endsWith('http_inspector')) {
      if (passage.transport === 'tls' || request.tls !== undefined || request.kind !== 'http') continue;
      passage.alpn = [{ 'HTTP/1.0': 'http/1.0', 'HTTP/1.1': 'http/1.1', 'HTTP/2': 'h2c' }[request.version]];
    }
  }
  if (passage.transport === '') passage.transport = 'raw_buffer';
}

function holds({ rule }: ListenerFilterChainMatchPredicate, passage: Passage): boolean {
  switch (rule.case) {
    case 'destinationPortRange':
      return passage.local.port >= rule.value.start && passage.local.port < rule.value.end;
    case 'notMatch':
      return !holds(rule.value, passage);
    case 'orMatch':
      return rule.value.rules.some((each) => holds(each, passage));
    case 'andMatch':
      return rule.value.rules.every((each) => holds(each, passage));
    case 'anyMatch':
      return rule.value;
    case undefined:
      return false;
  }
}

function found({ transport, sni, alpn }: Passage): string[] {
  if (transport === 'tls')
    return [`it is TLS${sni === '' ? '' : ` for ${sni}`}${alpn.length === 0 ? '' : `, offering ${alpn.join(', ')}`}`];
  return alpn.length === 0
    ? []
    : [`its bytes are ${alpn.map((name) => (name === 'h2c' ? 'HTTP/2' : name.toUpperCase())).join(', ')}`];
}
