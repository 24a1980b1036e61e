import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { create, fromBinary, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import { signal } from '@preact/signals-core';
import { SecretSchema, type Secret } from '../../../gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js';
import {
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
  DiscoveryRequestSchema,
  DiscoveryResponseSchema,
} from '../../../gen/envoy/service/discovery/v3/discovery_pb.js';
import { openAuthority } from '../../ca/authority.ts';
import { issueWorkload } from '../../ca/issue.ts';
import { isRefusal } from '../../ca/refusal.ts';
import { connectGrpc } from '../../lib/grpc/client.ts';
import { serveGrpc } from '../../lib/grpc/server.ts';
import type { GrpcStatus } from '../../lib/grpc/status.ts';
import { secretHandlers } from './sds.ts';
import { rootsSecret, type ServedSecret } from './served-secret.ts';
import { WorkloadIdentity } from './workload-identity.ts';

const id = { trustDomain: 'cluster.local', namespace: 'default', serviceAccount: 'reviews' };

/** A workload's socket with its secrets, and a client of it. */
async function served(context: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), 'lateen-sds-'));
  context.after(() => rm(folder, { recursive: true }));
  const authority = await openAuthority(folder, { trustDomain: id.trustDomain });
  const identity = new WorkloadIdentity({
    id,
    issue: async (request, seconds) => {
      const issued = await issueWorkload(authority, request, id, seconds);
      assert.ok(!isRefusal(issued));
      return [...issued.chain, issued.bundle.pem];
    },
  });
  const unknown: string[] = [];
  const rejected: string[] = [];
  const handlers = secretHandlers({
    credential: identity.credential,
    onUnknown: (name) => unknown.push(name),
    onRejected: (reason) => rejected.push(reason),
  });
  const server = await serveGrpc({ listen: { path: join(folder, 'socket') }, handlers });
  const client = await connectGrpc(server.address);
  context.after(async () => {
    client.close();
    await server.close();
    await identity[Symbol.asyncDispose]();
  });
  return { identity, client, unknown, rejected, authority };
}

/** Messages as they come, and the status at the end. */
class Inbox {
  readonly #messages: Buffer[] = [];
  #wake = Promise.withResolvers<void>();
  readonly status = Promise.withResolvers<GrpcStatus>();

  readonly receiver = {
    message: (message: Buffer) => {
      this.#messages.push(message);
      this.#wake.resolve();
    },
    close: (status: GrpcStatus) => this.status.resolve(status),
  };

  async next(): Promise<Buffer> {
    for (;;) {
      const message = this.#messages.shift();
      if (message) return message;
      this.#wake = Promise.withResolvers<void>();
      await this.#wake.promise;
    }
  }

  get waiting(): number {
    return this.#messages.length;
  }
}

const sds = '/envoy.service.secret.v3.SecretDiscoveryService';

const secretsIn = (message: Buffer): { readonly version: string; readonly nonce: string; readonly secrets: Secret[] } => {
  const { versionInfo, nonce, resources } = fromBinary(DiscoveryResponseSchema, message);
  return { version: versionInfo, nonce, secrets: resources.map(({ value }) => fromBinary(SecretSchema, value)) };
};

function textOf(secret: Secret | undefined): string {
  const { type } = secret ?? {};
  const source =
    type?.case === 'tlsCertificate'
      ? type.value.certificateChain
      : type?.case === 'validationContext'
        ? type.value.trustedCa
        : undefined;
  return source?.specifier.case === 'inlineString' ? source.specifier.value : '';
}

test('state of the world: waits for the certificate, answers both names, pushes on renewal only what changed', async (context) => {
  const { identity, client, unknown, rejected, authority } = await served(context);
  const inbox = new Inbox();
  const call = client.stream(`${sds}/StreamSecrets`, {}, inbox.receiver);
  const ask = (request: MessageInitShape<typeof DiscoveryRequestSchema>) =>
    call.send([toBinary(DiscoveryRequestSchema, create(DiscoveryRequestSchema, request))]);
  ask({ resourceNames: ['default', 'file-root:/etc/x'] });
  await identity.start();

  const first = secretsIn(await inbox.next());
  assert.deepEqual(
    first.secrets.map(({ name }) => name),
    ['default'],
  );
  assert.equal(textOf(first.secrets[0]), identity.credential.value?.chain);
  assert.ok(!first.version.includes(identity.credential.value?.key.reveal() ?? ''));
  assert.deepEqual(unknown, ['file-root:/etc/x']);
  ask({ resourceNames: ['default', 'file-root:/etc/x'], versionInfo: first.version, responseNonce: first.nonce });

  ask({ resourceNames: ['default', 'ROOTCA'], versionInfo: first.version, responseNonce: first.nonce });
  const both = secretsIn(await inbox.next());
  assert.deepEqual(
    both.secrets.map(({ name }) => name),
    ['ROOTCA', 'default'],
  );
  assert.equal(textOf(both.secrets[0]), authority.bundle.pem);

  const rootsOnly = new Inbox();
  const other = client.stream(`${sds}/StreamSecrets`, {}, rootsOnly.receiver);
  const roots = create(DiscoveryRequestSchema, { resourceNames: ['ROOTCA'] });
  other.send([toBinary(DiscoveryRequestSchema, roots)]);
  const before = secretsIn(await rootsOnly.next());

  ask({ resourceNames: ['ROOTCA', 'default'], responseNonce: both.nonce, errorDetail: { message: 'no thanks' } });
  await identity.renew();
  const renewed = secretsIn(await inbox.next());
  assert.equal(textOf(renewed.secrets[1]), identity.credential.value?.chain);
  assert.notEqual(textOf(renewed.secrets[1]), textOf(both.secrets[1]));
  assert.notEqual(renewed.version, both.version);
  assert.deepEqual(rejected, ['no thanks']);

  // The roots are as before: asking again on a third stream shows that the second was sent nothing in between.
  other.send([
    toBinary(
      DiscoveryRequestSchema,
      create(DiscoveryRequestSchema, { ...roots, versionInfo: before.version, responseNonce: before.nonce }),
    ),
  ]);
  other.end();
  await rootsOnly.status.promise;
  assert.equal(rootsOnly.waiting, 0);
  call.end();
});

test('delta: sends what the client has not got, again when it asks again, and on renewal', async (context) => {
  const { identity, client } = await served(context);
  await identity.start();
  const chain = identity.credential.value?.chain ?? '';
  const open = () => {
    const inbox = new Inbox();
    const call = client.stream(`${sds}/DeltaSecrets`, {}, inbox.receiver);
    return {
      inbox,
      call,
      ask: (request: MessageInitShape<typeof DeltaDiscoveryRequestSchema>) =>
        call.send([toBinary(DeltaDiscoveryRequestSchema, create(DeltaDiscoveryRequestSchema, request))]),
      answer: async () => fromBinary(DeltaDiscoveryResponseSchema, await inbox.next()),
    };
  };
  const stream = open();
  stream.ask({ resourceNamesSubscribe: ['default', 'ROOTCA'] });
  const first = await stream.answer();
  assert.deepEqual(
    first.resources.map(({ name }) => name),
    ['default', 'ROOTCA'],
  );
  stream.ask({ responseNonce: first.nonce });
  stream.ask({ resourceNamesSubscribe: ['ROOTCA'] });
  assert.deepEqual(
    (await stream.answer()).resources.map(({ name }) => name),
    ['ROOTCA'],
  );
  await identity.renew();
  const renewed = await stream.answer();
  assert.deepEqual(
    renewed.resources.map(({ name }) => name),
    ['default'],
  );
  const secret = fromBinary(SecretSchema, renewed.resources[0]?.resource?.value ?? new Uint8Array());
  assert.notEqual(textOf(secret), chain);
  assert.equal(new X509Certificate(textOf(secret)).serialNumber, identity.credential.value?.serial);

  // A client that comes back with what it has is sent only what it lacks.
  const back = open();
  const versions = Object.fromEntries([...first.resources, ...renewed.resources].map(({ name, version }) => [name, version]));
  back.ask({ resourceNamesSubscribe: ['default', 'ROOTCA'], initialResourceVersions: versions });
  back.call.end();
  await back.inbox.status.promise;
  assert.equal(back.inbox.waiting, 0);
  stream.call.end();
});

test('a secret of files is sent when it is there and when it changes, without the others', async (context) => {
  const folder = await mkdtemp(join(tmpdir(), 'lateen-sds-'));
  const name = 'file-root:/etc/ca.pem';
  let watchers = 0;
  const cell = signal<ServedSecret | undefined>(undefined, { watched: () => watchers++, unwatched: () => watchers-- });
  const unknown: string[] = [];
  const server = await serveGrpc({
    listen: { path: join(folder, 'socket') },
    handlers: secretHandlers({
      credential: signal(undefined),
      files: { serves: (asked) => asked === name, secret: () => cell },
      onUnknown: (asked) => unknown.push(asked),
    }),
  });
  const client = await connectGrpc(server.address);
  context.after(async () => {
    client.close();
    await server.close();
    await rm(folder, { recursive: true });
  });
  const sotw = new Inbox();
  const delta = new Inbox();
  const calls = [
    client.stream(`${sds}/StreamSecrets`, {}, sotw.receiver),
    client.stream(`${sds}/DeltaSecrets`, {}, delta.receiver),
  ];
  const names = [name, 'default', 'file-root:/etc/none'];
  calls[0]?.send([toBinary(DiscoveryRequestSchema, create(DiscoveryRequestSchema, { resourceNames: names }))]);
  calls[1]?.send([toBinary(DeltaDiscoveryRequestSchema, create(DeltaDiscoveryRequestSchema, { resourceNamesSubscribe: names }))]);
  for (const text of ['first', 'second']) {
    cell.value = rootsSecret(name, text);
    assert.deepEqual(secretsIn(await sotw.next()).secrets.map(textOf), [text]);
    const { resources } = fromBinary(DeltaDiscoveryResponseSchema, await delta.next());
    assert.deepEqual(
      resources.map(({ name: sent, version }) => [sent, version]),
      [[name, cell.value.version]],
    );
  }
  assert.deepEqual(new Set(unknown), new Set(['file-root:/etc/none']));
  assert.equal(watchers, 1);
  // Nobody asks any more: a file is left alone from then on.
  for (const call of calls) call.end();
  await Promise.all([sotw.status.promise, delta.status.promise]);
  assert.equal(watchers, 0);
});

test('what is no request for secrets ends that stream alone', async (context) => {
  const { identity, client } = await served(context);
  await identity.start();
  const bad = [
    Buffer.from([0xff, 0xff, 0xff]),
    toBinary(
      DiscoveryRequestSchema,
      create(DiscoveryRequestSchema, { typeUrl: 'type.googleapis.com/envoy.config.cluster.v3.Cluster' }),
    ),
    toBinary(
      DiscoveryRequestSchema,
      create(DiscoveryRequestSchema, { resourceNames: Array.from({ length: 101 }, (_, index) => `x${index}`) }),
    ),
  ];
  for (const bytes of bad) {
    const inbox = new Inbox();
    client.stream(`${sds}/StreamSecrets`, {}, inbox.receiver).send([bytes]);
    assert.match((await inbox.status.promise).message, /secrets/);
  }
  const inbox = new Inbox();
  const call = client.stream(`${sds}/StreamSecrets`, {}, inbox.receiver);
  call.send([toBinary(DiscoveryRequestSchema, create(DiscoveryRequestSchema, { resourceNames: ['default'] }))]);
  assert.equal(secretsIn(await inbox.next()).secrets.length, 1);
  call.cancel();
});
