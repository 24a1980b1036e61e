// The filter chain that takes a connection, noted: by the chains' own conditions, or by the listener's tree of matchers.

import { StringValueSchema } from '@bufbuild/protobuf/wkt';
import { SubstitutionFormatStringSchema } from '../../gen/envoy/config/core/v3/substitution_format_string_pb.js';
import type { FilterChain } from '../../gen/envoy/config/listener/v3/listener_components_pb.js';
import type { Listener } from '../../gen/envoy/config/listener/v3/listener_pb.js';
import type { TypedExtensionConfig } from '../../gen/xds/core/v3/extension_pb.js';
import type { Matcher } from '../../gen/xds/type/matcher/v3/matcher_pb.js';
import { chainWants, chooseChain } from './chain-match.ts';
import type { Outcome } from './explanation.ts';
import { formatted } from './format.ts';
import { decide } from './matcher/tree.ts';
import { note, type Passage } from './passage.ts';
import { typedConfig } from './typed-config.ts';

/** The chain, or how the connection ends without one. */
export function takingChain(listener: Listener, passage: Passage): FilterChain | Outcome {
  return listener.filterChainMatcher === undefined
    ? byConditions(listener, passage)
    : byTree(listener, listener.filterChainMatcher, passage);
}

const notFound: Outcome = { kind: 'closed', flags: 'NR', because: 'filter_chain_not_found' };
const theRest = 'the one for what no other takes';

function byConditions({ filterChains, defaultFilterChain }: Listener, passage: Passage): FilterChain | Outcome {
  const { chain: matched, failed, nearest } = chooseChain(filterChains, { ...passage, peer: passage.request.source });
  const chain = matched ?? defaultFilterChain;
  if (chain !== undefined) return taken(chain, matched === undefined ? theRest : chainWants(chain), passage);
  const details = nearest.slice(0, 6).map((each) => `${each.name || 'a chain'} is for ${chainWants(each) || 'everything'}`);
  const [near] = nearest;
  const text = `no filter chain takes the connection: ${failed ?? 'it has none'}`;
  note(passage, { kind: 'chain', name: near?.name ?? '', text, details, effect: 'ends' }, near?.metadata);
  return notFound;
}

function byTree({ name, filterChains, defaultFilterChain }: Listener, tree: Matcher, passage: Passage): FilterChain | Outcome {
  const decision = decide(tree, { passage, headers: undefined });
  if (decision.kind === 'open')
    return { kind: 'unknown', because: `listener ${name} chooses its chains by a tree of matchers: ${decision.why}` };
  if (decision.kind === 'action') {
    const wanted = chainNamed(decision.action, passage);
    const chain = filterChains.find((each) => each.name === wanted);
    if (chain !== undefined) return taken(chain, decision.because.join(', '), passage);
    note(passage, {
      kind: 'chain',
      name: wanted ?? '',
      text: `no filter chain takes the connection: the listener’s tree of matchers leads to chain ${wanted ?? 'without a name'}, which it does not have`,
      effect: 'ends',
    });
    return notFound;
  }
  if (defaultFilterChain !== undefined) return taken(defaultFilterChain, theRest, passage);
  const [first = 'its tree of matchers leads to none', ...details] = decision.failed;
  note(passage, { kind: 'chain', name: '', text: `no filter chain takes the connection: ${first}`, details, effect: 'ends' });
  return notFound;
}

/** Written as it is, or as a format that the connection fills. */
function chainNamed({ typedConfig: config }: TypedExtensionConfig, passage: Passage): string | undefined {
  const format = typedConfig(SubstitutionFormatStringSchema, config)?.format;
  const text = format?.case === 'textFormatSource' ? format.value.specifier : undefined;
  if (text?.case === 'inlineString') return formatted(text.value, passage, undefined);
  return typedConfig(StringValueSchema, config)?.value;
}

function taken(chain: FilterChain, wants: string, passage: Passage): FilterChain {
  const text = `${chain.name === '' ? 'a filter chain' : `filter chain ${chain.name}`} takes it${wants === '' ? '' : `: ${wants}`}`;
  note(passage, { kind: 'chain', name: chain.name, text }, chain.metadata);
  return chain;
}
