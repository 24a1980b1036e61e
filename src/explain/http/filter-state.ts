// Notes for what comes after: values that a filter computes of a request. One of them is the protocol that callers' proxies announce.

import { ConfigSchema } from '../../../gen/envoy/extensions/filters/http/set_filter_state/v3/set_filter_state_pb.js';
import { effective, type HttpFilter } from './exchange.ts';
import { formatted } from '../format.ts';

export const filterState: HttpFilter = (call) => {
  const { passage, headers } = call.exchange;
  for (const { key, value } of effective(ConfigSchema, call)?.onRequestHeaders ?? []) {
    if (key.case !== 'objectKey' || value.case !== 'formatString') continue;
    const { format } = value.value;
    const source = format.case === 'textFormatSource' ? format.value.specifier : undefined;
    if (source?.case === 'inlineString') passage.state.set(key.value, formatted(source.value, passage, headers));
  }
  return undefined;
};
