// What one proxy does with a request: listener, filter chain, TLS, filters, route, cluster. Pure: equal questions, equal answers.

import { everyWay, type Chance } from './chance.ts';
import { chainWants, chooseChain } from './chain-match.ts';
import type { ProxyConfiguration } from './configuration.ts';
import { endTls } from './downstream-tls.ts';
import type { Explanation, Outcome } from './explanation.ts';
import { acceptingListener } from './listener.ts';
import { passChain } from './network/filters.ts';
import { nowhere, type Locate } from './origins.ts';
import { note, passageOf, type Passage } from './passage.ts';
import type { Request } from './request.ts';

/**
 * The likeliest way of a request through a proxy, and under `otherwise` the others that the configuration leaves to chance. `locate`
 * finds the file and line of an object's field.
 */
export function explain(configuration: ProxyConfiguration, request: Request, locate: Locate = nowhere): Explanation {
  const [likeliest, ...others] = everyWay((chance) => oneWay(configuration, request, locate, chance));
  const otherwise = others.map(({ result, probability }) => ({ ...result, probability }));
  return { ...likeliest.result, probability: likeliest.probability, otherwise };
}

function oneWay(configuration: ProxyConfiguration, request: Request, locate: Locate, chance: Chance): Explanation {
  const passage = passageOf(configuration, request, locate, chance);
  const outcome = pass(passage);
  return { request, steps: passage.steps, outcome, probability: 1, otherwise: [], missing: [...passage.missing] };
}

function pass(passage: Passage): Outcome {
  const listener = acceptingListener(passage);
  if (listener === undefined) return { kind: 'closed', flags: '', because: 'connection refused' };
  if (listener.filterChainMatcher !== undefined) {
    return {
      kind: 'unknown',
      because: `listener ${listener.name} chooses its chains by a tree of matchers, which is not read here`,
    };
  }
  const { chain: matched, failed, nearest } = chooseChain(listener.filterChains, { ...passage, peer: passage.request.source });
  const chain = matched ?? listener.defaultFilterChain;
  if (chain === undefined) {
    const details = nearest.slice(0, 6).map((each) => `${each.name || 'a chain'} is for ${chainWants(each) || 'everything'}`);
    const [near] = nearest;
    note(
      passage,
      {
        kind: 'chain',
        name: near?.name ?? '',
        text: `no filter chain takes the connection: ${failed ?? 'it has none'}`,
        details,
        effect: 'ends',
      },
      near?.metadata,
    );
    return { kind: 'closed', flags: 'NR', because: 'filter_chain_not_found' };
  }
  const wants = matched === undefined ? 'the one for what no other takes' : chainWants(chain);
  note(
    passage,
    {
      kind: 'chain',
      name: chain.name,
      text: `${chain.name === '' ? 'a filter chain' : `filter chain ${chain.name}`} takes it${wants === '' ? '' : `: ${wants}`}`,
    },
    chain.metadata,
  );
  return endTls(chain, passage) ?? passChain(chain.filters, passage);
}
