// MeshNetworks: which addresses belong to which network, and the gateways between them. Not a kind: a file, or a ConfigMap's key.

import type { Static } from 'typebox';
import { isIpAddress } from '../lib/ip-range.ts';
import { error, warning } from './finding.ts';
import { fit, isRecord } from './fit.ts';
import type { Finding } from './kind.ts';
import type { Path } from './object.ts';
import { list, map, message, portNumber, text } from './schema.ts';
import { checkCidr, each } from './shared/values.ts';

const NetworkEndpoints = message({}, { fromCidr: text, fromRegistry: text });
const IstioNetworkGateway = message({}, { registryServiceName: text, address: text, port: portNumber, locality: text });
const Network = message({}, { endpoints: list(NetworkEndpoints), gateways: list(IstioNetworkGateway) });
export type Network = Static<typeof Network>;

const MeshNetworksFields = message({}, { networks: map(Network) });

/** Networks by name. */
export type MeshNetworks = Readonly<Record<string, Network>>;

/** MeshNetworks as given (parsed YAML). A network with an error in it is left out and reported. */
export function meshNetworksOf(given: unknown): { readonly networks: MeshNetworks; readonly findings: readonly Finding[] } {
  const { value, findings: misfits } = fit(MeshNetworksFields, given ?? {});
  const networks = isRecord(value) ? ((value as Static<typeof MeshNetworksFields>).networks ?? {}) : {};
  const wrong = new Set(misfits.filter(({ severity }) => severity === 'error').map(({ path }) => path[1]));
  const findings = [...misfits];
  const kept: Record<string, Network> = {};
  for (const [name, network] of Object.entries(networks)) {
    if (wrong.has(name)) continue;
    const breaches = checkNetwork(network, ['networks', name]);
    findings.push(...breaches);
    if (breaches.every(({ severity }) => severity !== 'error')) kept[name] = network;
  }
  return { networks: kept, findings };
}

/** Not an error: services that are found by DNS can use it. */
const nameGiven = (path: Path, address: string): Finding =>
  warning('LAT1906', path, `${address} is a name; listed endpoints on this network are called directly`, 'give an IP address');

function checkNetwork({ endpoints, gateways }: Network, path: readonly string[]): Finding[] {
  return [
    ...each(endpoints, [...path, 'endpoints'], ({ fromCidr, fromRegistry }, place) => {
      if ((fromCidr === undefined) === (fromRegistry === undefined)) {
        return [error('LAT1905', place, 'does not say which addresses', 'give one of fromCidr and fromRegistry')];
      }
      return fromCidr === undefined ? [] : checkCidr(fromCidr, [...place, 'fromCidr']);
    }),
    ...each(gateways, [...path, 'gateways'], ({ registryServiceName, address, port }, place) => [
      ...((registryServiceName === undefined) === (address === undefined)
        ? [error('LAT1905', place, 'does not say where the gateway is', 'give one of registryServiceName and address')]
        : []),
      ...(address === undefined || isIpAddress(address) ? [] : [nameGiven([...place, 'address'], address)]),
      ...(port === undefined ? [error('LAT1905', place, 'the gateway has no port', 'give port')] : []),
    ]),
  ];
}
