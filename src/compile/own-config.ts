// The mesh's configuration as one proxy has it: what its own settings say of HTTP counts over the mesh's defaults, field by field.

import { fit, isRecord } from '../api/fit.ts';
import type { MeshConfig } from '../api/mesh-config.ts';
import { ProxySettings } from '../api/shared/proxy-settings.ts';
import { familyBy } from '../store/family.ts';
import type { ProxyNode } from './configuration.ts';
import { identityOf } from './identity.ts';
import { ownSettings } from './own-settings.ts';

type HttpSettings = Pick<ProxySettings, 'proxyHeaders' | 'connectionSettings'>;

/** The mesh's own object where the proxy says nothing else, so that all such proxies share what is made from it. */
export function ownConfig(node: ProxyNode, config: MeshConfig): MeshConfig {
  const { proxyHeaders, connectionSettings } = ownSettings(node);
  const own = { ...fitting('proxyHeaders', proxyHeaders), ...fitting('connectionSettings', connectionSettings) };
  return Object.keys(own).length === 0 ? config : merged({ config, own }).value;
}

/** What does not fit is as if it were not there. */
function fitting(name: keyof HttpSettings, value: unknown): HttpSettings {
  if (value === undefined) return {};
  const { value: given, findings } = fit(ProxySettings, { [name]: value });
  return isRecord(given) && findings.every(({ severity }) => severity !== 'error') ? (given as HttpSettings) : {};
}

const merged = familyBy(
  ({ config, own }: { config: MeshConfig; own: HttpSettings }) => `${identityOf(config)} ${JSON.stringify(own)}`,
  ({ config, own }): MeshConfig => {
    const { proxyHeaders, connectionSettings } = config.defaultConfig;
    return {
      ...config,
      defaultConfig: {
        ...config.defaultConfig,
        ...(own.proxyHeaders && { proxyHeaders: { ...proxyHeaders, ...own.proxyHeaders } }),
        ...(own.connectionSettings && { connectionSettings: { ...connectionSettings, ...own.connectionSettings } }),
      },
    };
  },
);
