// Failures of connections: refused, TLS that does not agree, nobody there, gone in the middle.

import { responseFlags } from './response-flags.ts';
import { leaving, originsOf, type Found, type Scene } from './scene.ts';
import { downstreamFailure, upstreamFailure } from './transport-failure.ts';

/** A connection that no filter chain takes. */
export function noChain({ record, names, known }: Scene): Found | undefined {
  if (record.kind !== 'refused' || !record.flags.includes('NR')) return undefined;
  if (record.side === 'gateway') {
    const name = record.serverName;
    return {
      says:
        name === ''
          ? 'no server of the gateway’s port takes connections without a server name (SNI)'
          : `no server of the gateway’s port is for the server name ${name}`,
      fix: 'add the name to the hosts of a server, or call by one of them',
    };
  }
  return {
    says: `${names.destination} takes only mutual TLS there, and ${names.caller} came without it`,
    origins: known.authentication,
    fix: 'put the caller into the mesh, let its DestinationRule’s tls mode be ISTIO_MUTUAL (or leave it out), or let the PeerAuthentication be PERMISSIVE',
  };
}

export function handshake({ record, destination }: Scene): Found | undefined {
  const below = destination?.downstreamFailure ?? '';
  const found = (below === '' ? undefined : downstreamFailure(below)) ?? tlsFailure(record.upstreamFailure);
  return found && { says: `the TLS handshake failed: ${found.says}`, fix: found.fix };
}

const tlsFailure = (reason: string) => (/TLS|SSL|certificate/i.test(reason) ? upstreamFailure(reason) : undefined);

const undeclaredFix = 'correct the address: it belongs to no service that the caller sees, so it was called as it is';

/** No connection, without a word of TLS. */
export function noConnection({ record, names, caller, destination, known }: Scene): Found | undefined {
  const reason = record.upstreamFailure;
  if (!record.flags.includes('UF') && reason === '') return undefined;
  const address = record.endpoint === '' || names.destination.includes(record.endpoint) ? '' : ` at ${record.endpoint}`;
  const own = record === destination;
  const who = own
    ? `${names.destination}’s proxy could not connect to its own application${address}`
    : `${names.caller} could not connect to ${names.destination}${address}`;
  const found = upstreamFailure(reason === '' ? record.details : reason);
  return {
    says: found === undefined ? who : `${who}: ${found.says}`,
    origins: own && caller === undefined ? originsOf(record.chainOrigin) : known.cluster,
    fix: known.undeclared ? undeclaredFix : (found?.fix ?? responseFlags['UF']?.fix ?? ''),
  };
}

export function gone({ record, names, destination }: Scene): Found | undefined {
  const { flags } = record;
  const server = record === destination ? `the application of ${names.destination}` : names.destination;
  if (flags.includes('UC') || flags.includes('UR')) {
    return {
      says: `${server} ${flags.includes('UC') ? 'closed the connection' : 'reset the stream'} before its answer was complete`,
      origins: [],
      fix: 'see what it did: lateen logs, and whether it ended, or closes idle connections earlier than the proxy expects',
    };
  }
  if (flags.some((flag) => leaving.has(flag))) {
    return {
      says: `${names.caller} went away after ${record.duration ?? 0} ms, before the answer was complete`,
      origins: [],
      fix: 'see why it gave up: its own timeout, mostly',
    };
  }
  return undefined;
}
