// Which patches a proxy gets: those of the EnvoyFilters that select it, less what they want for other versions of proxies, or for
// proxies with other metadata.

import type { Diagnostic } from '../../api/diagnostic.ts';
import type { Labels } from '../../mesh/labels.ts';
import type { Mesh } from '../../mesh/mesh.ts';
import type { ProxyNode } from '../configuration.ts';
import { identityOf } from '../identity.ts';
import { text } from '../node.ts';
import { isForContext } from './match.ts';
import { readFilter, type Patch } from './patch.ts';

export interface ProxyPatches {
  /** In the order in which they apply. */
  readonly patches: readonly Patch[];
  /** What is wrong with the EnvoyFilters that select the proxy. */
  readonly diagnostics: readonly Diagnostic[];
}

const none: ProxyPatches = { patches: [], diagnostics: [] };

export function patchesOf(mesh: Mesh, node: ProxyNode, labels: Labels): ProxyPatches {
  const filters = mesh.patches.for(node.namespace, labels).map(readFilter);
  if (filters.length === 0) return none;
  return {
    patches: filters.flatMap(({ patches }) =>
      patches.filter((patch) => patch.applyTo !== 'BOOTSTRAP' && isForProxy(patch, node)),
    ),
    diagnostics: filters.flatMap(({ diagnostics }) => diagnostics),
  };
}

/** Those of a proxy's bootstrap, which is made before anything is sent: its labels are what it says of itself. */
export const bootstrapPatchesOf = (mesh: Mesh, node: ProxyNode): readonly Patch[] =>
  mesh.patches
    .for(node.namespace, node.labels)
    .flatMap((object) => readFilter(object).patches)
    .filter((patch) => patch.applyTo === 'BOOTSTRAP' && isForProxy(patch, node));

/** Equal texts, equal patches and diagnostics. */
export const patchesText = ({ patches, diagnostics }: ProxyPatches): string =>
  [patches.map(identityOf).join(), diagnostics.map(identityOf).join()].join(' ');

/**
 * Whether patches are about listeners, virtual hosts or routes of what the proxy calls: on demand most of these are not there, and a
 * patch would not find what it is for.
 */
export const looksAtAll = ({ patches }: ProxyPatches): boolean =>
  patches.some((patch) => isForContext(patch, 'SIDECAR_OUTBOUND') && !worksOnDemand(patch));

/** Clusters are patched as they come, and HTTP filters stand in listeners that are there. */
function worksOnDemand({ applyTo, operation, match }: Patch): boolean {
  switch (applyTo) {
    case 'CLUSTER':
      return operation !== 'REMOVE';
    case 'NETWORK_FILTER':
      return match.listener?.filterChain?.filter?.name?.endsWith('http_connection_manager') === true;
    case 'VIRTUAL_HOST':
    case 'HTTP_ROUTE':
    case 'LISTENER':
    case 'LISTENER_FILTER':
    case 'FILTER_CHAIN':
      return false;
    default:
      return true;
  }
}

/** An expression that is longer, Istio does not look at; no version is. */
const longestExpression = 1024;
const longestVersion = 64;

/** RE2 and this engine differ in what nobody writes for a version; such an expression matches none. */
function expression(source: string): RegExp {
  try {
    return new RegExp(source);
  } catch {
    return /(?!)/;
  }
}

function isForProxy({ match: { proxy } }: Patch, { metadata }: ProxyNode): boolean {
  const { proxyVersion, metadata: wanted = {} } = proxy ?? {};
  if (proxyVersion && proxyVersion.length <= longestExpression) {
    const version = text(metadata['ISTIO_VERSION']);
    if (version === '' || version.length > longestVersion || !expression(proxyVersion).test(version)) return false;
  }
  return Object.entries(wanted).every(([key, value]) => metadata[key] === value);
}
