// What of a record authorization rules can ask about, and so which of them were considered when it was refused.

import { fromBinary } from '@bufbuild/protobuf';
import { ListenerSchema } from '../../../gen/envoy/config/listener/v3/listener_pb.js';
import type { Configuration } from '../../compile/configuration.ts';
import type { Asked } from '../../explain/asked.ts';
import { allowRulesAt, type ConsideredRule } from '../../explain/considered.ts';
import type { Address } from '../../explain/request.ts';
import type { AccessRecord } from '../../telemetry/record.ts';

/** The rules of the proxy's ALLOW policies as they are now; empty where no policy refused it. */
export function consideredRules(record: AccessRecord, configuration: Configuration | undefined): readonly ConsideredRule[] {
  const listener = configuration?.listeners.peek().get(record.listener);
  return listener === undefined ? [] : allowRulesAt(fromBinary(ListenerSchema, listener.bytes), record.chain, askedIn(record));
}

/** Headers, the query and tokens are not recorded. */
function askedIn({ kind, method, authority, path, local, remote, serverName, callerIdentity }: AccessRecord): Asked {
  return {
    local: addressIn(local),
    peer: addressIn(remote).address,
    remote: addressIn(remote).address,
    sni: serverName,
    tls: serverName !== '' || callerIdentity !== '',
    identity: callerIdentity === '' ? undefined : callerIdentity,
    metadata: new Map(),
    state: new Map(),
    headers:
      kind === 'request'
        ? new Map([
            [':method', [method]],
            [':authority', [authority]],
            [':path', [path]],
          ])
        : undefined,
  };
}

/** `10.0.0.1:80`, `[::1]:80`. */
function addressIn(text: string): Address {
  const colon = text.lastIndexOf(':');
  return { address: text.slice(0, Math.max(0, colon)).replace(/^\[|\]$/g, ''), port: Number(text.slice(colon + 1)) };
}
