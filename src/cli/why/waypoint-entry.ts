// Where a request enters a waypoint of Istio's: after its tunnel, at a listener that chooses by address. Which address a service has is
// said by the tree of matchers that leads to its chain.

import type { Listener } from '../../../gen/envoy/config/listener/v3/listener_pb.js';
import { IPMatcherSchema } from '../../../gen/xds/type/matcher/v3/ip_pb.js';
import type { Matcher, Matcher_OnMatch } from '../../../gen/xds/type/matcher/v3/matcher_pb.js';
import { StringValueSchema } from '@bufbuild/protobuf/wkt';
import type { ProxyConfiguration } from '../../explain/configuration.ts';
import { typedConfig } from '../../explain/typed-config.ts';

/** What comes out of the tunnel meets this. */
const inner = 'main_internal';

export const waypointListener = ({ listeners }: ProxyConfiguration): Listener | undefined =>
  listeners.find(({ name, filterChainMatcher }) => name === inner && filterChainMatcher !== undefined);

/** The address of a service at a port: the first that leads to its chain, `inbound-vip|9080||reviews.default.svc.cluster.local-http`. */
export function addressAt({ filterChainMatcher }: Listener, host: string, port: number): string | undefined {
  const isFor = (chain: string): boolean => {
    const [, chainPort, , name = ''] = /^inbound-vip\|(\d+)\|([^|]*)\|(.*?)(?:-(?:http|tcp))?$/.exec(chain) ?? [];
    return Number(chainPort) === port && (name === host || name.startsWith(`${host}.`));
  };
  return filterChainMatcher && leadsTo(filterChainMatcher, isFor, undefined, 0);
}

function leadsTo(
  tree: Matcher,
  isFor: (chain: string) => boolean,
  address: string | undefined,
  depth: number,
): string | undefined {
  if (depth > 16) return undefined;
  const follow = (onMatch: Matcher_OnMatch | undefined, at: string | undefined): string | undefined => {
    if (onMatch?.onMatch.case === 'matcher') return leadsTo(onMatch.onMatch.value, isFor, at, depth + 1);
    const chain = typedConfig(StringValueSchema, onMatch?.onMatch.value?.typedConfig)?.value;
    return chain !== undefined && isFor(chain) ? at : undefined;
  };
  const { matcherType } = tree;
  const found: (string | undefined)[] = [];
  if (matcherType.case === 'matcherTree') {
    const { treeType } = matcherType.value;
    const ranges =
      treeType.case === 'customMatch' ? typedConfig(IPMatcherSchema, treeType.value.typedConfig)?.rangeMatchers : undefined;
    found.push(...(ranges ?? []).map(({ ranges: [range], onMatch }) => follow(onMatch, range?.addressPrefix)));
    if (treeType.case === 'exactMatchMap')
      found.push(...Object.values(treeType.value.map).map((onMatch) => follow(onMatch, address)));
  } else if (matcherType.case === 'matcherList') {
    found.push(...matcherType.value.matchers.map(({ onMatch }) => follow(onMatch, address)));
  }
  return [...found, follow(tree.onNoMatch, address)].find((each) => each !== undefined);
}
