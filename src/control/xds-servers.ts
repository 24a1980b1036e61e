// The control plane's gRPC ports: ADS and the certificate service over TLS (15012), ADS in plaintext on loopback (15010).

import { authenticate, credentialsOf, type Authenticator } from '../ca/authenticate.ts';
import type { Authority } from '../ca/authority.ts';
import { issueServer } from '../ca/issue.ts';
import { isRefusal } from '../ca/refusal.ts';
import { certificateHandlers } from '../ca/service.ts';
import { formatSpiffeId } from '../ca/spiffe.ts';
import { serveGrpc, type GrpcServer, type ServerTls } from '../lib/grpc/server.ts';
import type { Ads } from '../xds/ads.ts';
import { addressText, type ListenAddress } from './address.ts';
import { ControlError, listenError } from './control-error.ts';
import type { Logger } from './log.ts';

const hour = 60 * 60 * 1000;
/** How often the TLS certificate's age is looked at; it is renewed at half its life. */
const renewalCheck = 6 * hour;

export async function servePlaintext(ads: Ads, listen: ListenAddress, log: Logger): Promise<GrpcServer> {
  try {
    return await serveGrpc({
      handlers: ads.handlers,
      listen,
      onError: (error) => log.error({ err: error }, 'the plaintext xDS port failed'),
    });
  } catch (error) {
    throw listenError('plaintext xDS', addressText(listen), '--xds', error);
  }
}

export interface TlsPort {
  readonly ads: Ads;
  readonly authority: Authority;
  readonly authenticator: Authenticator;
  readonly listen: ListenAddress;
  readonly now: () => number;
  readonly log: Logger;
}

export async function serveTls({ ads, authority, authenticator, listen, now, log }: TlsPort): Promise<GrpcServer> {
  const onError = (error: unknown): void => log.error({ err: error }, 'the TLS port failed');
  const certificates = certificateHandlers({
    authority,
    authenticate: (call) => authenticate(credentialsOf(call), authenticator),
    onIssued: (id) => log.info({ identity: formatSpiffeId(id) }, 'issued a certificate'),
    onRefused: (refusal, call) => log.warn({ peer: call.peer.address, reason: refusal.message }, 'refused a certificate'),
    onError,
    now,
  });
  let { tls, renewAt } = await serverCertificate(authority, listen, now);
  let server: GrpcServer;
  try {
    server = await serveGrpc({ handlers: { ...ads.handlers, ...certificates }, listen, tls, onError });
  } catch (error) {
    throw listenError('xDS and certificates over TLS', addressText(listen), '--xds-tls', error);
  }
  const renewal = setInterval(() => {
    if (now() < renewAt) return;
    serverCertificate(authority, listen, now)
      .then((renewed) => {
        ({ tls, renewAt } = renewed);
        server.renewTls(tls);
        log.info("renewed the TLS port's certificate");
      })
      .catch(onError);
  }, renewalCheck);
  renewal.unref();
  const close = server.close.bind(server);
  return {
    address: server.address,
    get connections() {
      return server.connections;
    },
    renewTls: (next) => server.renewTls(next),
    close: async (graceMs) => {
      clearInterval(renewal);
      await close(graceMs);
    },
    async [Symbol.asyncDispose]() {
      clearInterval(renewal);
      await close();
    },
  };
}

async function serverCertificate(
  authority: Authority,
  listen: ListenAddress,
  now: () => number,
): Promise<{ tls: ServerTls; renewAt: number }> {
  const own = ['0.0.0.0', '::', 'localhost'].includes(listen.host) ? {} : { addresses: [listen.host] };
  const issued = await issueServer(authority, own, { now });
  if (isRefusal(issued))
    throw new ControlError(
      'LAT0902',
      `the TLS port has no certificate: ${issued.message}`,
      'see the certificate authority’s files',
    );
  const { key, chain, notAfter } = issued;
  return {
    tls: { key: key.reveal(), cert: chain.join(''), askClient: true },
    renewAt: (now() + notAfter.getTime()) / 2,
  };
}
