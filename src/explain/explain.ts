// What one proxy does with a request: listener, filter chain, TLS, filters, route, cluster. Pure: equal questions, equal answers.

import { everyWay, type Chance } from './chance.ts';
import type { ProxyConfiguration } from './configuration.ts';
import { endTls } from './downstream-tls.ts';
import type { Explanation, Outcome } from './explanation.ts';
import { takingChain } from './filter-chain.ts';
import { acceptingListener } from './listener.ts';
import { passChain } from './network/filters.ts';
import { nowhere, type Locate } from './origins.ts';
import { passageOf, type Passage } from './passage.ts';
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
  if (passage.configuration.listeners.length === 0 && passage.configuration.onlyCalled === true)
    return { kind: 'unknown', because: 'the configuration at hand has no listeners, where every way begins' };
  const listener = acceptingListener(passage);
  if (listener === undefined) return { kind: 'closed', flags: '', because: 'connection refused' };
  const chain = takingChain(listener, passage);
  if ('kind' in chain) return chain;
  return endTls(chain, passage) ?? passChain(chain.filters, passage);
}
