// What trees of matchers look at: addresses and protocols of a connection, headers of a request, what filters noted.

import type { Any } from '@bufbuild/protobuf/wkt';
import { FilterStateInputSchema } from '../../../gen/envoy/extensions/matching/common_inputs/network/v3/network_inputs_pb.js';
import {
  HttpRequestHeaderMatchInputSchema,
  HttpRequestQueryParamMatchInputSchema,
} from '../../../gen/envoy/type/matcher/v3/http_inputs_pb.js';
import { isLocal } from '../chain-match.ts';
import { headerName, queryOf, type Headers } from '../headers.ts';
import type { Passage } from '../passage.ts';
import { typedConfig, typeOf } from '../typed-config.ts';

/** What is looked at, in words, and what is there; without a value there is nothing to compare. */
export interface Seen {
  readonly what: string;
  readonly value: string | undefined;
}

/** What trees can look at: a connection, and the request on it where there is one. */
export interface Sight {
  readonly passage: Passage;
  readonly headers: Headers | undefined;
}

const network = 'envoy.extensions.matching.common_inputs.network.v3.';
const ssl = 'envoy.extensions.matching.common_inputs.ssl.v3.';

const orNothing = (text: string | undefined): string | undefined => (text === '' ? undefined : text);

const connectionInputs: Readonly<Record<string, (passage: Passage) => Seen>> = {
  [`${network}DestinationIPInput`]: ({ local }) => ({ what: 'address', value: local.address }),
  [`${network}DestinationPortInput`]: ({ local }) => ({ what: 'port', value: String(local.port) }),
  [`${network}SourceIPInput`]: ({ remote }) => ({ what: 'caller’s address', value: remote.address }),
  [`${network}DirectSourceIPInput`]: ({ request }) => ({ what: 'source address', value: request.source.address }),
  [`${network}SourcePortInput`]: ({ remote }) => ({
    what: 'source port',
    value: remote.port === undefined ? undefined : String(remote.port),
  }),
  [`${network}SourceTypeInput`]: (passage) => ({
    what: 'source',
    value: isLocal(passage) ? 'local' : undefined,
  }),
  [`${network}ServerNameInput`]: ({ sni }) => ({ what: 'server name', value: orNothing(sni) }),
  [`${network}TransportProtocolInput`]: ({ transport }) => ({ what: 'transport', value: orNothing(transport) }),
  // Quoted, so that one name cannot be taken for part of another.
  [`${network}ApplicationProtocolInput`]: ({ alpn }) => ({
    what: 'application protocol',
    value: orNothing(alpn.map((name) => `'${name}'`).join(',')),
  }),
  [`${ssl}UriSanInput`]: ({ ended }) => ({ what: 'caller’s identity', value: ended?.identity }),
};

/** Undefined: an input that is not read here. */
export function seen(config: Any | undefined, { passage, headers }: Sight): Seen | undefined {
  if (config === undefined) return undefined;
  const ofConnection = connectionInputs[typeOf(config)];
  if (ofConnection !== undefined) return ofConnection(passage);
  const state = typedConfig(FilterStateInputSchema, config);
  if (state !== undefined) return { what: state.key, value: orNothing(passage.state.get(state.key)) };
  const header = typedConfig(HttpRequestHeaderMatchInputSchema, config)?.headerName;
  if (header !== undefined)
    return { what: headerWords[headerName(header)] ?? `header ${header}`, value: headers?.get(headerName(header))?.join(',') };
  const parameter = typedConfig(HttpRequestQueryParamMatchInputSchema, config)?.queryParam;
  if (parameter !== undefined) return { what: `query parameter ${parameter}`, value: headers && queryOf(headers).get(parameter) };
  return undefined;
}

const headerWords: Readonly<Record<string, string>> = { ':path': 'path', ':method': 'method', ':authority': 'host' };
