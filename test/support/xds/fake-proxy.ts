// A proxy without a network: speaks to a handler through a call in memory, encoding and decoding with protobuf-es, which so
// stands as the oracle for the hand-written wire code.

import { create, fromBinary, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import {
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
  DiscoveryRequestSchema,
  DiscoveryResponseSchema,
} from '../../../gen/envoy/service/discovery/v3/discovery_pb.js';
import { typeUrl, type ResourceType } from '../../../src/compile/resource.ts';
import type { CallReceiver, GrpcCall, GrpcHandler } from '../../../src/lib/grpc/call.ts';
import { okStatus, type GrpcStatus } from '../../../src/lib/grpc/status.ts';

/** One response, as a test compares it. */
export interface Got {
  readonly type: ResourceType;
  /** Versions or, for SotW, contents by name. */
  readonly names: readonly string[];
  readonly removed: readonly string[];
  readonly nonce: string;
  readonly version: string;
  readonly versions: Readonly<Record<string, string>>;
  /** The bytes as text. */
  readonly contents: readonly string[];
}

const typeOf = (url: string): ResourceType => {
  for (const [type, known] of Object.entries(typeUrl)) if (known === url) return type as ResourceType;
  throw new Error(`no type ${url}`);
};

class FakeCall implements GrpcCall {
  readonly path = '/test';
  readonly metadata: GrpcCall['metadata'];
  readonly peer = { transport: 'unix', address: '/test', certificates: [] } as const;
  readonly sent: Buffer[] = [];
  status: GrpcStatus | undefined;
  /** What `send` answers: false is a full socket. */
  room = true;
  paused = false;

  constructor(metadata: GrpcCall['metadata']) {
    this.metadata = metadata;
  }

  get open(): boolean {
    return this.status === undefined;
  }

  send(parts: readonly Uint8Array[]): boolean {
    this.sent.push(Buffer.concat(parts));
    return this.room;
  }

  end(status: GrpcStatus = okStatus): void {
    this.status ??= status;
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }
}

abstract class FakeProxy {
  readonly call: FakeCall;
  readonly id: string;
  readonly receiver: CallReceiver;
  #introduced = false;
  #read = 0;

  constructor(handler: GrpcHandler, id: string, metadata: GrpcCall['metadata'] = {}) {
    this.id = id;
    this.call = new FakeCall(metadata);
    this.receiver = handler(this.call);
  }

  protected node() {
    if (this.#introduced) return undefined;
    this.#introduced = true;
    return { id: this.id };
  }

  protected abstract read(bytes: Buffer): Got;

  /** The responses since the last look. */
  take(): Got[] {
    const fresh = this.call.sent.slice(this.#read);
    this.#read = this.call.sent.length;
    return fresh.map((bytes) => this.read(bytes));
  }

  /** As `take`, in the short form of `described`. */
  took(): string[] {
    return this.take().map(described);
  }

  /** The socket drained. */
  drain(): void {
    this.call.room = true;
    this.receiver.drain?.();
  }

  close(): void {
    this.call.status ??= okStatus;
    this.receiver.close?.();
  }
}

/** `cluster a b -c`: a response's type, its resources, and what it removes. */
export const described = ({ type, names, removed }: Got): string =>
  [type, ...names, ...removed.map((name) => `-${name}`)].join(' ');

export class DeltaProxy extends FakeProxy {
  /** Versions held by type and name, as an Envoy keeps them for its next stream. */
  readonly held = new Map<ResourceType, Map<string, string>>();

  /** `type` is one of ours, or any type URL. */
  send(type: string, more: MessageInitShape<typeof DeltaDiscoveryRequestSchema> = {}): void {
    const url = type in typeUrl ? typeUrl[type as ResourceType] : type;
    const request = create(DeltaDiscoveryRequestSchema, { typeUrl: url, ...more } as MessageInitShape<
      typeof DeltaDiscoveryRequestSchema
    >);
    const node = this.node();
    if (node) request.node = create(DeltaDiscoveryRequestSchema, { node }).node;
    this.receiver.message(Buffer.from(toBinary(DeltaDiscoveryRequestSchema, request)));
  }

  subscribe(type: ResourceType, ...names: string[]): void {
    this.send(type, { resourceNamesSubscribe: names });
  }

  unsubscribe(type: ResourceType, ...names: string[]): void {
    this.send(type, { resourceNamesUnsubscribe: names });
  }

  ack({ type, nonce }: Got): void {
    this.send(type, { responseNonce: nonce });
  }

  nack({ type, nonce }: Got, message: string): void {
    this.send(type, { responseNonce: nonce, errorDetail: { code: 13, message } });
  }

  /** Takes what came, acknowledges it, and so on until nothing comes any more. */
  settle(): string[] {
    const all: string[] = [];
    for (let got = this.take(); got.length > 0; got = this.take()) {
      for (const each of got) {
        all.push(described(each));
        this.ack(each);
      }
    }
    return all;
  }

  protected read(bytes: Buffer): Got {
    const response = fromBinary(DeltaDiscoveryResponseSchema, bytes);
    const type = typeOf(response.typeUrl);
    const held = this.held.get(type) ?? new Map<string, string>();
    this.held.set(type, held);
    for (const { name, version } of response.resources) held.set(name, version);
    for (const name of response.removedResources) held.delete(name);
    return {
      type,
      names: response.resources.map(({ name }) => name),
      removed: response.removedResources,
      nonce: response.nonce,
      version: '',
      versions: Object.fromEntries(response.resources.map(({ name, version }) => [name, version])),
      contents: response.resources.map(({ resource }) => Buffer.from(resource?.value ?? []).toString()),
    };
  }
}

export class SotwProxy extends FakeProxy {
  readonly names = new Map<ResourceType, string[]>();

  send(type: ResourceType, more: MessageInitShape<typeof DiscoveryRequestSchema> = {}): void {
    const request = create(DiscoveryRequestSchema, {
      typeUrl: typeUrl[type],
      resourceNames: this.names.get(type) ?? [],
      ...more,
    } as MessageInitShape<typeof DiscoveryRequestSchema>);
    const node = this.node();
    if (node) request.node = create(DiscoveryRequestSchema, { node }).node;
    this.receiver.message(Buffer.from(toBinary(DiscoveryRequestSchema, request)));
  }

  subscribe(type: ResourceType, ...names: string[]): void {
    this.names.set(type, names);
    this.send(type);
  }

  ack({ type, nonce, version }: Got): void {
    this.send(type, { responseNonce: nonce, versionInfo: version });
  }

  settle(): string[] {
    const all: string[] = [];
    for (let got = this.take(); got.length > 0; got = this.take()) {
      for (const each of got) {
        all.push(described(each));
        this.ack(each);
      }
    }
    return all;
  }

  protected read(bytes: Buffer): Got {
    const response = fromBinary(DiscoveryResponseSchema, bytes);
    const contents = response.resources.map(({ value }) => contentOf(value));
    return {
      type: typeOf(response.typeUrl),
      names: contents,
      removed: [],
      nonce: response.nonce,
      version: response.versionInfo,
      versions: {},
      contents: response.resources.map(({ value }) => Buffer.from(value).toString()),
    };
  }
}

/** The name in a fake resource's bytes: the text before `=`, or field 1 of a fake cluster. */
function contentOf(value: Uint8Array): string {
  const bytes = Buffer.from(value);
  if (bytes[0] === 0x0a) return bytes.toString('utf8', 2, 2 + (bytes[1] ?? 0));
  return bytes.toString().split('=')[0] ?? '';
}
