// Conditions on a header's value → Envoy's header matchers. Each value of a header that came more than once is tried by itself.

import type { MessageInitShape } from '@bufbuild/protobuf';
import type { HeaderMatcherSchema } from '../../../gen/envoy/config/route/v3/route_components_pb.js';
import { ignoringCase, stringPattern, type StringMatcherInit } from './value-pattern.ts';

type HeaderMatcherInit = MessageInitShape<typeof HeaderMatcherSchema>;

/** Envoy refuses a listener with any other. */
// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
export const isHeaderName = (name: string): boolean => name !== '' && !/[\0\r\n]/.test(name);

function matcherFor(name: string, value: string, how: (matcher: StringMatcherInit) => StringMatcherInit): HeaderMatcherInit {
  // `*` takes an empty header too, which a pattern for text would not.
  if (value === '*') return { name, headerMatchSpecifier: { case: 'presentMatch', value: true } };
  return { name, headerMatchSpecifier: { case: 'stringMatch', value: how(stringPattern(value)) } };
}

export const headerMatcher = (name: string, value: string): HeaderMatcherInit => matcherFor(name, value, (matcher) => matcher);

/** The request's host as the client wrote it, in any case; with its port, if it has one (Istio's advice: `x` and `x:*`). */
export const hostMatcher = (value: string): HeaderMatcherInit => matcherFor(':authority', value, ignoringCase);
