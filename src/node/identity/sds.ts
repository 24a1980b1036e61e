// Envoy's secret discovery service, answered on the host: the workload's certificate, the roots, files. Mounted on its Unix socket.

import { create, fromBinary, toBinary, type DescMessage, type MessageShape } from '@bufbuild/protobuf';
import { effect, signal, type ReadonlySignal } from '@preact/signals-core';
import {
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
  DiscoveryRequestSchema,
  DiscoveryResponseSchema,
} from '../../../gen/envoy/service/discovery/v3/discovery_pb.js';
import { typeUrl, versionOf } from '../../compile/resource.ts';
import type { CallReceiver, GrpcCall, GrpcHandler } from '../../lib/grpc/call.ts';
import { grpcStatus } from '../../lib/grpc/status.ts';
import type { Credential } from './credential.ts';
import type { FileSecrets } from './file-secrets.ts';
import { certificateSecret, rootsSecret, type ServedSecret } from './served-secret.ts';

/** The names that generated configuration asks for: the workload's certificate, and the roots to check peers against. */
const secretNames = { certificate: 'default', roots: 'ROOTCA' } as const;

export interface SecretService {
  readonly credential: ReadonlySignal<Credential | undefined>;
  /** Secrets whose names say files; without them such names are not served. */
  readonly files?: Pick<FileSecrets, 'serves' | 'secret'>;
  /** Envoy asked for a secret that is not served here. It stays unanswered, so whatever needs it stays as it was. */
  readonly onUnknown?: (name: string) => void;
  /** Envoy would not take what it got. */
  readonly onRejected?: (reason: string) => void;
}

/** Names one stream may ask for; Envoy opens a stream for each. */
const mostNames = 100;

const service = '/envoy.service.secret.v3.SecretDiscoveryService';

/** The handlers by full method path, as `serveGrpc` takes them. */
export const secretHandlers = (secrets: SecretService): Record<string, GrpcHandler> => ({
  [`${service}/StreamSecrets`]: (call) => streamSecrets(call, secrets),
  [`${service}/DeltaSecrets`]: (call) => deltaSecrets(call, secrets),
});

/** State of the world: each answer holds all secrets of the stream's names that there are. */
function streamSecrets(call: GrpcCall, secrets: SecretService): CallReceiver {
  let names: readonly string[] = [];
  let sent = '';
  let nonce = 0;
  const push = () => {
    const served = names.flatMap((name) => serve(name, secrets) ?? []);
    const versions = served.map(({ version }) => version);
    const versionInfo = versions.length === 1 ? versions.join() : versionOf(Buffer.from(versions.join()));
    if (served.length === 0 || versionInfo === sent) return;
    sent = versionInfo;
    nonce++;
    const resources = served.map(({ bytes }) => ({ typeUrl: typeUrl.secret, value: bytes }));
    const response = { versionInfo, resources, typeUrl: typeUrl.secret, nonce: String(nonce) };
    call.send([toBinary(DiscoveryResponseSchema, create(DiscoveryResponseSchema, response))]);
  };
  return receiver(call, secrets, DiscoveryRequestSchema, push, (request) => {
    // An answer to an older push: the answer to the newest one is on its way and says what is wanted.
    if (request.responseNonce !== '' && request.responseNonce !== String(nonce)) return names;
    const wanted = [...new Set(request.resourceNames)].toSorted();
    if (wanted.some((name) => !names.includes(name))) sent = '';
    names = wanted;
    return names;
  });
}

/** Incremental: each secret is sent when it is subscribed to and when it changes. */
function deltaSecrets(call: GrpcCall, secrets: SecretService): CallReceiver {
  /** By name, the version that the client has; empty when it has none. */
  const names = new Map<string, string>();
  let nonce = 0;
  const push = () => {
    const resources = [];
    for (const [name, has] of names) {
      const secret = serve(name, secrets);
      if (secret === undefined || secret.version === has) continue;
      names.set(name, secret.version);
      resources.push({ name, version: secret.version, resource: { typeUrl: typeUrl.secret, value: secret.bytes } });
    }
    if (resources.length === 0) return;
    nonce++;
    const response = { resources, typeUrl: typeUrl.secret, nonce: String(nonce) };
    call.send([toBinary(DeltaDiscoveryResponseSchema, create(DeltaDiscoveryResponseSchema, response))]);
  };
  return receiver(call, secrets, DeltaDiscoveryRequestSchema, push, (request) => {
    for (const name of request.resourceNamesUnsubscribe) names.delete(name);
    // A second subscription to a name asks for it again: a client does that when it has lost it.
    for (const name of request.resourceNamesSubscribe) names.set(name, request.initialResourceVersions[name] ?? '');
    return [...names.keys()];
  });
}

/**
 * What both protocols share: reading requests, refusing what is not one, telling of names that are not served, and pushing
 * when there is a request or a secret changes. `take` brings the stream's names up to date and answers them.
 */
function receiver<Desc extends typeof DiscoveryRequestSchema | typeof DeltaDiscoveryRequestSchema>(
  call: GrpcCall,
  secrets: SecretService,
  schema: Desc,
  push: () => void,
  take: (request: MessageShape<Desc>) => readonly string[],
): CallReceiver {
  const unknown = new Set<string>();
  const requests = signal(0);
  // A push reads the secrets that are wanted now, so that their changes, and no others, bring the next one.
  const stop = effect(() => {
    if (requests.value > 0) push();
  });
  return {
    message(bytes) {
      const request = decode(schema, bytes);
      if (request === undefined || (request.typeUrl !== '' && request.typeUrl !== typeUrl.secret)) {
        return call.end(grpcStatus('invalidArgument', 'this service answers requests for secrets only'));
      }
      if (request.errorDetail) secrets.onRejected?.(request.errorDetail.message);
      const names = take(request);
      if (names.length > mostNames)
        return call.end(grpcStatus('resourceExhausted', `more than ${mostNames} secrets on one stream`));
      for (const name of names) {
        if (isServed(name, secrets) || unknown.has(name) || unknown.size >= mostNames) continue;
        unknown.add(name);
        secrets.onUnknown?.(name);
      }
      requests.value++;
    },
    end: () => call.end(),
    close: stop,
  };
}

function decode<Desc extends DescMessage>(schema: Desc, bytes: Buffer): MessageShape<Desc> | undefined {
  try {
    return fromBinary(schema, bytes);
  } catch {
    return undefined;
  }
}

const isServed = (name: string, { files }: SecretService): boolean =>
  name === secretNames.certificate || name === secretNames.roots || files?.serves(name) === true;

/** The secret of this name, when it is one of ours and is there. Whoever calls this in an effect is called again when it changes. */
function serve(name: string, { credential, files }: SecretService): ServedSecret | undefined {
  if (name === secretNames.roots) {
    const { bundle } = credential.value ?? {};
    return bundle && rootsSecret(name, bundle.pem);
  }
  if (name === secretNames.certificate) {
    const { chain, key } = credential.value ?? {};
    return chain === undefined || key === undefined ? undefined : certificateSecret(name, chain, key);
  }
  return files?.serves(name) === true ? files.secret(name).value : undefined;
}
