import assert from 'node:assert/strict';
import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { create, fromBinary, toBinary, type JsonObject } from '@bufbuild/protobuf';
import * as grpc from '@grpc/grpc-js';
import { IstioCertificateRequestSchema, IstioCertificateResponseSchema } from '../../gen/istio/v1/auth/ca_pb.js';
import { serveGrpc } from '../lib/grpc/server.ts';
import { authenticate, credentialsOf } from './authenticate.ts';
import { openAuthority } from './authority.ts';
import { issueServer } from './issue.ts';
import { isRefusal, type Refusal } from './refusal.ts';
import { certificateHandlers } from './service.ts';
import { openTokens } from './tokens.ts';
import { writeRequest } from './x509.ts';

const trustDomain = 'cluster.local';
const reviews = { trustDomain, namespace: 'default', serviceAccount: 'reviews' };
const path = '/istio.v1.auth.IstioCertificateService/CreateCertificate';

test("a client of Istio's contract gets a certificate over TLS, by token and by certificate", async (context) => {
  const state = await mkdtemp(join(tmpdir(), 'lateen-service-'));
  context.after(() => rm(state, { recursive: true }));
  const authority = await openAuthority(state, { trustDomain });
  const tokens = await openTokens(state, trustDomain);
  const server = await issueServer(authority);
  assert.ok(!isRefusal(server));
  const refusals: Refusal[] = [];
  await using listening = await serveGrpc({
    listen: { host: '127.0.0.1', port: 0 },
    tls: { key: server.key.reveal(), cert: server.chain.join(''), askClient: true },
    handlers: certificateHandlers({
      authority,
      authenticate: (call) => authenticate(credentialsOf(call), { ...authority, tokens }),
      mayImpersonate: (peer, wanted) => peer.serviceAccount === 'node' && wanted.namespace === 'default',
      onRefused: (refusal) => refusals.push(refusal),
    }),
  });
  assert.ok('port' in listening.address);
  const target = `localhost:${listening.address.port}`;
  const roots = Buffer.from(authority.bundle.pem);
  const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const csr = await writeRequest(key);

  interface Asked {
    readonly token?: string;
    readonly certificate?: { readonly key: string; readonly chain: string };
    readonly csr?: string;
    readonly validityDuration?: bigint;
    readonly metadata?: JsonObject;
    readonly bytes?: Buffer;
  }
  const ask = async (asked: Asked): Promise<string[]> => {
    const shown = asked.certificate;
    const credentials = shown
      ? grpc.credentials.createSsl(roots, Buffer.from(shown.key), Buffer.from(shown.chain))
      : grpc.credentials.createSsl(roots);
    const client = new grpc.Client(target, credentials);
    const metadata = new grpc.Metadata();
    if (asked.token !== undefined) metadata.set('authorization', `Bearer ${asked.token}`);
    const request = create(IstioCertificateRequestSchema, {
      csr: asked.csr ?? csr,
      validityDuration: asked.validityDuration ?? 0n,
      ...(asked.metadata && { metadata: asked.metadata }),
    });
    const bytes = asked.bytes ?? Buffer.from(toBinary(IstioCertificateRequestSchema, request));
    try {
      return await new Promise<string[]>((resolve, reject) => {
        client.makeUnaryRequest(
          path,
          (given: Buffer) => given,
          (received: Buffer) => fromBinary(IstioCertificateResponseSchema, received).certChain,
          bytes,
          metadata,
          (error, chain) => (error ? reject(error) : resolve(chain ?? [])),
        );
      });
    } finally {
      client.close();
    }
  };
  const fails = (code: grpc.status, about: RegExp) => (error: unknown) => {
    assert.ok(error instanceof Error && 'code' in error);
    assert.equal(error.code, code);
    assert.match(error.message, about);
    return true;
  };

  const token = (await tokens.issue(reviews)).reveal();
  const chain = await ask({ token, validityDuration: 3600n });
  assert.equal(chain.at(-1), authority.bundle.pem);
  const leaf = new X509Certificate(chain[0] ?? '');
  assert.equal(leaf.subjectAltName, 'URI:spiffe://cluster.local/ns/default/sa/reviews');
  assert.ok(leaf.checkPrivateKey(key));
  assert.ok(leaf.validToDate.getTime() <= Date.now() + 3600_000);

  // Rotation: what was issued asks for its successor.
  const own = { key: key.export({ format: 'pem', type: 'pkcs8' }).toString(), chain: chain.slice(0, -1).join('') };
  const next = new X509Certificate((await ask({ certificate: own }))[0] ?? '');
  assert.equal(next.subjectAltName, leaf.subjectAltName);
  assert.notEqual(next.serialNumber, leaf.serialNumber);

  await assert.rejects(ask({}), fails(grpc.status.UNAUTHENTICATED, /bearer token is needed/));
  await assert.rejects(ask({ token: 'x' }), fails(grpc.status.UNAUTHENTICATED, /not signed by this mesh/));
  await assert.rejects(ask({ token, csr: 'x' }), fails(grpc.status.INVALID_ARGUMENT, /not one PEM block/));
  await assert.rejects(ask({ token, validityDuration: 10n ** 12n }), fails(grpc.status.INVALID_ARGUMENT, /above the longest/));
  await assert.rejects(ask({ token, bytes: Buffer.from([0xff, 0xff]) }), fails(grpc.status.INVALID_ARGUMENT, /not an Istio/));

  const ImpersonatedIdentity = 'spiffe://cluster.local/ns/default/sa/ratings';
  await assert.rejects(ask({ token, metadata: { ImpersonatedIdentity } }), fails(grpc.status.PERMISSION_DENIED, /may not get/));
  const node = (await tokens.issue({ namespace: 'istio-system', serviceAccount: 'node' })).reveal();
  const ratings = await ask({ token: node, metadata: { ImpersonatedIdentity } });
  assert.equal(new X509Certificate(ratings[0] ?? '').subjectAltName, `URI:${ImpersonatedIdentity}`);
  assert.equal(refusals.length, 6);
});
