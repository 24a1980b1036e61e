// MeshConfig at random: mostly Istio's defaults, with one or two settings that requests can tell.

import fc from 'fast-check';
import { maybe, often, oneOf, sparse } from './arbitrary.ts';

const retries = oneOf<object>(
  { attempts: 0 },
  { attempts: 1, retryOn: '503', backoff: '0.001s' },
  { attempts: 3, retryOn: '5xx' },
);

const defaultConfig = sparse(
  {
    gatewayTopology: oneOf<object>(
      { numTrustedProxies: 1 },
      { numTrustedProxies: 2 },
      { forwardClientCertDetails: 'SANITIZE' },
      { forwardClientCertDetails: 'ALWAYS_FORWARD_ONLY' },
    ),
    proxyHeaders: oneOf<object>(
      { forwardedClientCert: 'SANITIZE' },
      { server: { disabled: true } },
      { server: { value: 'another' } },
      { attemptCount: { disabled: true } },
      { preserveHttp1HeaderCase: true },
      { xForwardedHost: { enabled: true }, xForwardedPort: { enabled: true } },
    ),
  },
  2,
);

export const meshSettings: fc.Arbitrary<Record<string, unknown>> = often<Record<string, unknown>>(
  [5, fc.constant({})],
  [1, fc.constant({ outboundTrafficPolicy: { mode: 'REGISTRY_ONLY' } })],
  [
    1,
    oneOf('BASE', 'NONE', 'MERGE_SLASHES', 'DECODE_AND_MERGE_SLASHES').map((of) => ({
      pathNormalization: { normalization: of },
    })),
  ],
  [
    2,
    fc
      .tuple(
        sparse(
          {
            h2UpgradePolicy: oneOf('UPGRADE', 'DO_NOT_UPGRADE'),
            enableAutoMtls: fc.constant(false),
            defaultHttpRetryPolicy: retries,
            defaultInboundHttpRetryPolicy: retries,
            inboundTrafficPolicy: fc.constant({ mode: 'PASSTHROUGH' }),
            localityLbSetting: oneOf<object>({ enabled: false }, { failover: [{ from: 'r1', to: 'r3' }] }),
            defaultVirtualServiceExportTo: oneOf(['.'], ['*']),
            defaultDestinationRuleExportTo: oneOf(['.'], ['*']),
            defaultServiceExportTo: oneOf(['.'], ['*']),
            trustDomainAliases: fc.constant(['other.domain']),
            defaultTrafficPolicy: fc.constant({ outlierDetection: { consecutive5xxErrors: 10_000 } }),
          },
          6,
        ),
        maybe(defaultConfig, 3),
      )
      .map(([settings, proxies]) => ({ ...settings, ...(proxies && { defaultConfig: proxies }) })),
  ],
);
