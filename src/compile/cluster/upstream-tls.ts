// How a cluster's connections are secured: as the policy says, else by mutual TLS wherever the server takes it (istio.md §3.6).

import { ProxyProtocolConfig_Version } from '../../../gen/envoy/config/core/v3/proxy_protocol_pb.js';
import { ProxyProtocolUpstreamTransportSchema } from '../../../gen/envoy/extensions/transport_sockets/proxy_protocol/v3/upstream_proxy_protocol_pb.js';
import type { ClientTLSSettings } from '../../api/shared/tls-settings.ts';
import type { TrafficPolicy } from '../../api/shared/traffic-policy.ts';
import { any } from '../../filters/any.ts';
import type { Mesh } from '../../mesh/mesh.ts';
import type { Service, ServicePort } from '../../mesh/service.ts';
import { sniName } from '../names.ts';
import { upstreamCodec } from '../route/upstream-codec.ts';
import { meshClientSocket, originationSecrets, originationSocket, rawBufferSocket } from '../tls.ts';
import { settingsFor } from '../view.ts';
import type { ClusterInput } from './input.ts';
import type { ClusterInit } from './traffic-policy.ts';

type Socket = ReturnType<typeof meshClientSocket>;

/** One socket for all endpoints, or one for each mode that endpoints say they take; none: plain. */
interface Sockets {
  readonly transportSocket?: Socket;
  readonly transportSocketMatches?: { name: string; match: Record<string, string>; transportSocket: Socket }[];
}

/** The sockets of a cluster, each behind a PROXY header where the policy wants one. */
export function socketFields(mesh: Mesh, input: ClusterInput, settings: TrafficPolicy, original: boolean): ClusterInit {
  const fields = tlsFields(mesh, input, settings, original);
  if (settings.proxyProtocol === undefined) return { ...fields };
  const version = settings.proxyProtocol.version === 'V2' ? ProxyProtocolConfig_Version.V2 : ProxyProtocolConfig_Version.V1;
  const headed = (transportSocket: Socket): Socket => ({
    name: 'envoy.transport_sockets.upstream_proxy_protocol',
    configType: {
      case: 'typedConfig',
      value: any(ProxyProtocolUpstreamTransportSchema, { config: { version }, transportSocket }),
    },
  });
  const { transportSocketMatches: matches } = fields;
  if (matches === undefined) return { transportSocket: headed(fields.transportSocket ?? rawBufferSocket) };
  return {
    transportSocketMatches: matches.map((match) => ({
      ...match,
      transportSocket: headed(match.transportSocket),
    })),
  };
}

/** `original`: the cluster dials what its caller dialled, so its endpoints cannot choose a socket. */
function tlsFields(mesh: Mesh, input: ClusterInput, settings: TrafficPolicy, original: boolean): Sockets {
  const { service, port, subset, router, files } = input;
  const { tls } = settings;
  const http2 = upstreamCodec(port, settings, mesh.config, router) === 'http2';
  const meshSocket = () =>
    meshClientSocket({
      sni: tls?.sni || sniName(port.number, subset?.name ?? '', service.host),
      subjectAltNames: tls?.subjectAltNames?.length ? tls.subjectAltNames : serverNames(mesh, service),
      http2,
    });
  switch (tls?.mode) {
    // A mode that is not given is the enum's first.
    case 'DISABLE':
      return {};
    case 'SIMPLE':
    case 'MUTUAL':
      if (!originates(input, tls)) return {};
      return {
        transportSocket: originationSocket(
          { ...tls, subjectAltNames: wantedNames(service, tls), insecureSkipVerify: !verifies(mesh, tls) },
          { http2, files },
        ),
      };
    case 'ISTIO_MUTUAL':
      return { transportSocket: meshSocket() };
    default:
  }
  if (tls !== undefined || !callsWithMutualTls(mesh, service, port, settings)) return {};
  if (original) return { transportSocket: meshSocket() };
  return {
    transportSocketMatches: [
      { name: 'tlsMode-istio', match: { tlsMode: 'istio' }, transportSocket: meshSocket() },
      { name: 'tlsMode-disabled', match: {}, transportSocket: rawBufferSocket },
    ],
  };
}

/** The names that an origination's server may have: the policy's, else those of its ServiceEntry. */
const wantedNames = (service: Service, tls: ClientTLSSettings): string[] =>
  tls.subjectAltNames?.length ? tls.subjectAltNames : [...service.subjectAltNames];

/** The mesh may say that a server is verified only where its authority is given. */
const verifies = ({ config }: Mesh, tls: ClientTLSSettings): boolean =>
  tls.insecureSkipVerify !== true &&
  (config.verifyCertificateAtClient !== false || Boolean(tls.caCertificates) || Boolean(tls.credentialName));

/** Whether callers use mutual TLS to a service by themselves (istio.md §3.6, "Auto mTLS"). */
function callsWithMutualTls(mesh: Mesh, service: Service, port: ServicePort, settings: TrafficPolicy): boolean {
  if (!mesh.config.enableAutoMtls || service.external) return false;
  if (mesh.security.namespaceMode(service.namespace).mode === 'DISABLE') return false;
  if (service.resolution !== 'original' && settings.loadBalancer?.simple !== 'PASSTHROUGH') return true;
  // The caller chooses the address, so no endpoint can say what it takes: all must.
  const endpoints = mesh.endpoints(service, port.number).value;
  return endpoints.length > 0 && endpoints.every((endpoint) => endpoint.mutualTls);
}

/** The identities that servers of a service may have, whichever of its ports is called. */
function serverNames(mesh: Mesh, service: Service): string[] {
  const accounts = service.ports.flatMap(({ number }) => mesh.serviceAccounts(service, number));
  const paths = accounts.map((account) => {
    const [namespace, name] = account.split('/');
    return `ns/${namespace}/sa/${name}`;
  });
  const domains = [mesh.config.trustDomain, ...mesh.config.trustDomainAliases];
  const identities = domains.flatMap((domain) => paths.map((path) => `spiffe://${domain}/${path}`));
  return [...new Set([...identities, ...service.subjectAltNames])].sort();
}

/** A policy's own TLS without a server name takes it, and what the certificate must say, from the request's host. */
export function autoServerName(input: ClusterInput, { tls }: TrafficPolicy, mesh: Mesh) {
  if (tls === undefined || tls.sni || !originates(input, tls)) return undefined;
  return { autoSni: true, autoSanValidation: wantedNames(input.service, tls).length === 0 && verifies(mesh, tls) };
}

/** The SDS names of the Kubernetes secrets that a cluster's TLS takes. */
export function clusterSecrets(mesh: Mesh, input: ClusterInput): readonly string[] {
  const { tls } = settingsFor(mesh, input.policy, input.port.number, input.subset);
  return tls !== undefined && originates(input, tls) ? originationSecrets(tls) : [];
}

/** Whether a cluster's TLS takes files, which are there only where somebody mounted them. */
export function takesFiles(mesh: Mesh, { policy, port, subset }: ClusterInput): boolean {
  const { tls } = settingsFor(mesh, policy, port.number, subset);
  if (tls?.mode !== 'SIMPLE' && tls?.mode !== 'MUTUAL') return false;
  return [tls.clientCertificate, tls.privateKey, tls.caCertificates, tls.caCrl].some((path) => path !== undefined && path !== '');
}

/** A sidecar fetches Kubernetes secrets only where the rule selects it: others might not have them, and would never start. */
const originates = ({ router, policy }: ClusterInput, tls: ClientTLSSettings): boolean =>
  (tls.mode === 'SIMPLE' || tls.mode === 'MUTUAL') && (!tls.credentialName || router || policy?.callers !== undefined);
