// Istio's certificate service over gRPC: authenticates the caller, decides the identity, answers a chain. Mounted on 15012.

import { create, fromBinary, toBinary, type JsonObject } from '@bufbuild/protobuf';
import {
  IstioCertificateRequestSchema,
  IstioCertificateResponseSchema,
  type IstioCertificateRequest,
} from '../../gen/istio/v1/auth/ca_pb.js';
import type { GrpcCall, GrpcHandler } from '../lib/grpc/call.ts';
import { GrpcError, grpcStatus, type statusCode } from '../lib/grpc/status.ts';
import { unary } from '../lib/grpc/unary.ts';
import type { Authority } from './authority.ts';
import { issueWorkload, type Issued, type IssueOptions } from './issue.ts';
import { isRefusal, refuse, type Refusal, type RefusalReason } from './refusal.ts';
import { formatSpiffeId, parseSpiffeId, type SpiffeId } from './spiffe.ts';

export interface CertificateService extends IssueOptions {
  readonly authority: Authority;
  readonly authenticate: (call: GrpcCall) => Promise<SpiffeId | Refusal>;
  /**
   * Whether a peer may ask for somebody else's certificate: a host agent for a workload that runs on its host. Without
   * it nobody may.
   */
  readonly mayImpersonate?: (peer: SpiffeId, wanted: SpiffeId) => boolean;
  readonly onIssued?: (id: SpiffeId, issued: Issued) => void;
  readonly onRefused?: (refusal: Refusal, call: GrpcCall) => void;
  readonly onError?: (error: unknown) => void;
}

const path = '/istio.v1.auth.IstioCertificateService/CreateCertificate';

/** The service's handlers by full method path, as `serveGrpc` takes them. */
export function certificateHandlers(service: CertificateService): Record<string, GrpcHandler> {
  const answer = async (bytes: Buffer, call: GrpcCall): Promise<Uint8Array> => {
    const issued = await createCertificate(service, bytes, call);
    if (isRefusal(issued)) {
      service.onRefused?.(issued, call);
      throw new GrpcError(grpcStatus(statusOf[issued.refused], issued.message));
    }
    // Istio's clients take the last element for the roots, however many it holds.
    const certChain = [...issued.chain, issued.bundle.pem];
    return toBinary(IstioCertificateResponseSchema, create(IstioCertificateResponseSchema, { certChain }));
  };
  return { [path]: unary(answer, service.onError) };
}

const statusOf: Record<RefusalReason, keyof typeof statusCode> = {
  unauthenticated: 'unauthenticated',
  forbidden: 'permissionDenied',
  invalid: 'invalidArgument',
};

async function createCertificate(service: CertificateService, bytes: Buffer, call: GrpcCall): Promise<Issued | Refusal> {
  const peer = await service.authenticate(call);
  if (isRefusal(peer)) return peer;
  const request = decode(bytes);
  if (isRefusal(request)) return request;
  const id = wantedIdentity(service, peer, request.metadata);
  if (isRefusal(id)) return id;
  const issued = await issueWorkload(service.authority, request.csr, id, Number(request.validityDuration), service);
  if (!isRefusal(issued)) service.onIssued?.(id, issued);
  return issued;
}

function decode(bytes: Buffer): IstioCertificateRequest | Refusal {
  try {
    return fromBinary(IstioCertificateRequestSchema, bytes);
  } catch {
    return refuse('invalid', 'the message is not an IstioCertificateRequest');
  }
}

/** The peer itself, or whom it asks for by ztunnel's and node agents' `ImpersonatedIdentity`. */
function wantedIdentity(service: CertificateService, peer: SpiffeId, metadata: JsonObject = {}): SpiffeId | Refusal {
  const text = metadata['ImpersonatedIdentity'];
  if (text === undefined || text === '') return peer;
  if (typeof text !== 'string') return refuse('invalid', 'ImpersonatedIdentity is not a string');
  const wanted = parseSpiffeId(text);
  if (isRefusal(wanted)) return wanted;
  const own = formatSpiffeId(peer);
  if (formatSpiffeId(wanted) === own || service.mayImpersonate?.(peer, wanted) === true) return wanted;
  return refuse('forbidden', `${own} may not get a certificate of ${formatSpiffeId(wanted)}`);
}
