// Typed configuration: any message in the envelope that Envoy's extension points take.

import { create, toBinary, type DescMessage, type MessageInitShape } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import { AnySchema } from '@bufbuild/protobuf/wkt';

/** What a message is made from: its fields, not a message itself. */
export type Init<Desc extends DescMessage> = Exclude<MessageInitShape<Desc>, { readonly $typeName: string }>;

/** `any(RouterSchema, {…})`. Encoded at once: the same input gives the same bytes. */
export const any = <Desc extends DescMessage>(schema: Desc, init: MessageInitShape<Desc>): Any =>
  anyOf(schema, toBinary(schema, create(schema, init)));

/** The same of a message that is encoded already, in pieces: joined, the fields of one message are the message. */
export const anyOf = (schema: DescMessage, first: Uint8Array, ...more: readonly Uint8Array[]): Any =>
  create(AnySchema, {
    typeUrl: `type.googleapis.com/${schema.typeName}`,
    value: more.length === 0 ? first : new Uint8Array(Buffer.concat([first, ...more])),
  });
