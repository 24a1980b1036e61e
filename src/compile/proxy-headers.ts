// What settings of headers come to in an HTTP connection manager: who the client was, who answered, what the proxy writes itself
// (istio.md §1.13).

import {
  HttpConnectionManager_ForwardClientCertDetails as ForwardClientCertDetails,
  HttpConnectionManager_ServerHeaderTransformation as ServerHeader,
  type HttpConnectionManagerSchema,
} from '../../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import type { TypedExtensionConfigSchema } from '../../gen/envoy/config/core/v3/extension_pb.js';
import { PreserveCaseFormatterConfigSchema } from '../../gen/envoy/extensions/http/header_formatters/preserve_case/v3/preserve_case_pb.js';
import type { MeshConfig } from '../api/mesh-config.ts';
import type { ProxyHeaders } from '../api/shared/proxy-settings.ts';
import { any, type Init } from '../filters/any.ts';
import type { Topology } from './gateway/topology.ts';

type ManagerInit = Init<typeof HttpConnectionManagerSchema>;
type Role = 'outbound' | 'inbound' | 'gateway';

export const proxyHeadersOf = ({ defaultConfig }: MeshConfig): ProxyHeaders => defaultConfig.proxyHeaders ?? {};

export function headerFields(role: Role, headers: ProxyHeaders, topology: Topology | undefined): ManagerInit {
  return {
    ...identityFields(role, headers, topology),
    ...serverFields(role, headers),
    ...(headers.requestId?.disabled === true && { generateRequestId: false }),
    ...(headers.xForwardedPort?.enabled === true && { appendXForwardedPort: true }),
  };
}

/** Who the client was, as servers read it in `x-forwarded-client-cert`. Of gateways their topology says it. */
function identityFields(role: Role, headers: ProxyHeaders, topology: Topology | undefined): ManagerInit {
  switch (role) {
    case 'inbound':
      return identity(headers.forwardedClientCert, 'APPEND_FORWARD', {
        subject: true,
        dns: true,
        uri: true,
        ...(headers.setCurrentClientCertDetails && { subject: false, dns: false, uri: false }),
        ...headers.setCurrentClientCertDetails,
      });
    case 'gateway':
      return identity(topology?.forwardClientCertDetails, 'SANITIZE_SET', { subject: true, cert: true, dns: true, uri: true });
    case 'outbound':
      return {};
  }
}

type Forward = Exclude<NonNullable<ProxyHeaders['forwardedClientCert']>, 'UNDEFINED'>;

function identity(
  given: ProxyHeaders['forwardedClientCert'],
  usual: Forward,
  details: NonNullable<ProxyHeaders['setCurrentClientCertDetails']>,
): ManagerInit {
  const forward = given === undefined || given === 'UNDEFINED' ? usual : given;
  return {
    forwardClientCertDetails: ForwardClientCertDetails[forward],
    // Only where the header is written at all.
    ...((forward === 'SANITIZE_SET' || forward === 'APPEND_FORWARD') && { setCurrentClientCertDetails: details }),
  };
}

/** An application's own `server` header stays as it is before its proxy. */
function serverFields(role: Role, { server }: ProxyHeaders): ManagerInit {
  if (server?.disabled === true) return { serverHeaderTransformation: ServerHeader.PASS_THROUGH };
  return {
    serverName: server?.value || 'istio-envoy',
    ...(role === 'inbound' && { serverHeaderTransformation: ServerHeader.PASS_THROUGH }),
  };
}

/** Whether a proxy writes none of Envoy's own headers (`x-envoy-upstream-service-time`, …). */
export const isQuiet = (config: MeshConfig): boolean => proxyHeadersOf(config).envoyDebugHeaders?.disabled === true;

/** Whether servers are told which attempt a request is. */
export const countsAttempts = (config: MeshConfig): boolean => proxyHeadersOf(config).attemptCount?.disabled !== true;

/** Whether servers are told in `x-forwarded-host` which host a request had before a rule changed it. */
export const tellsHost = (config: MeshConfig): boolean => proxyHeadersOf(config).xForwardedHost?.enabled === true;

/** Whether headers of HTTP/1 keep the case that they came in. */
export const keepsCase = (config: MeshConfig): boolean => proxyHeadersOf(config).preserveHttp1HeaderCase === true;

/** Options of HTTP/1 that say so: both sides of a proxy must have them. */
export const headerCase = (config: MeshConfig) =>
  keepsCase(config) ? { headerKeyFormat: { headerFormat: { case: 'statefulFormatter' as const, value: preserveCase } } } : {};

const preserveCase: Init<typeof TypedExtensionConfigSchema> = {
  name: 'envoy.http.stateful_header_formatters.preserve_case',
  typedConfig: any(PreserveCaseFormatterConfigSchema, {}),
};
