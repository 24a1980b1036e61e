// DNS messages in and out: reads a query without trusting it, writes an answer that fits the way it travels. Used by the server.

import { answer, decode, encode, encodingLength, type Answer, type Question } from 'dns-packet';
import { canonical } from './name-table.ts';

/** A query that can be answered. */
export interface Query {
  /** The bytes as they came: what is forwarded. */
  readonly bytes: Buffer;
  readonly id: number;
  readonly recursionDesired: boolean;
  readonly question: Question;
  /** The question's name, lower-case and without a final dot. */
  readonly name: string;
  /** Most bytes that the client takes over UDP; undefined without EDNS. */
  readonly ednsSize?: number;
}

export const responseCodes = { ok: 0, malformed: 1, failed: 2, noSuchName: 3, notImplemented: 4, refused: 5 } as const;
export type ResponseCode = keyof typeof responseCodes;

/** DNS over UDP without EDNS (RFC 1035), and what we take over it with EDNS (the 2020 flag day's size). */
const plainSize = 512;
const ednsSize = 1232;
export const largestMessage = 65_535;

const flag = { response: 0x8000, authoritative: 0x0400, truncated: 0x0200, recursionDesired: 0x0100, recursionAvailable: 0x0080 };
const headerSize = 12;

/**
 * Reads a query. What is no query at all (too short, or a response) is undefined and gets no answer: answering those could
 * be made to go on for ever. A query that makes no sense is the code to answer it with.
 */
export function readQuery(bytes: Buffer): Query | ResponseCode | undefined {
  if (bytes.length < headerSize || bytes.length > largestMessage) return undefined;
  const flags = bytes.readUInt16BE(2);
  if ((flags & flag.response) !== 0) return undefined;
  if ((flags & 0x7800) !== 0) return 'notImplemented';
  // Looked at before the decoder, which trusts these counts when it makes room.
  const [questions, answers, authorities, additionals] = [4, 6, 8, 10].map((at) => bytes.readUInt16BE(at));
  if (questions !== 1 || answers !== 0 || authorities !== 0 || (additionals ?? 0) > 4) return 'malformed';
  try {
    const packet = decode(bytes);
    const [question] = packet.questions;
    if (question === undefined || !survives(question, bytes)) return 'malformed';
    const edns = packet.additionals.find(({ type }) => type === 'OPT')?.udpPayloadSize;
    return {
      bytes,
      id: packet.id,
      recursionDesired: (flags & flag.recursionDesired) !== 0,
      question,
      name: canonical(question.name),
      ...(edns !== undefined && { ednsSize: Math.max(plainSize, edns) }),
    };
  } catch {
    return 'malformed';
  }
}

/** Whether the question, read as text and written again, is the question: labels with dots or broken UTF-8 are not. */
function survives(question: Question, bytes: Buffer): boolean {
  const again = encode({ questions: [question] }).subarray(headerSize);
  return bytes.subarray(headerSize, headerSize + again.length).equals(again);
}

/** How many bytes an answer to `query` may have over UDP. */
export const udpLimit = (query: Query): number => Math.min(query.ednsSize ?? plainSize, ednsSize);

export interface Reply {
  readonly code: ResponseCode;
  readonly answers?: readonly Answer[];
  readonly authorities?: readonly Answer[];
  readonly additionals?: readonly Answer[];
  readonly authoritative?: boolean;
}

/** The reply in at most `limit` bytes: what does not fit is left out, answers last, and then the reply says so. */
export function writeReply(query: Query, reply: Reply, limit: number): Buffer {
  const { code, answers = [], authorities = [], additionals = [], authoritative = false } = reply;
  const edns: Answer[] =
    query.ednsSize === undefined ? [] : [{ type: 'OPT', name: '.', udpPayloadSize: ednsSize, flags: 0, options: [] }];
  const questions = [query.question];
  let flags = flag.recursionAvailable | responseCodes[code];
  if (authoritative) flags |= flag.authoritative;
  if (query.recursionDesired) flags |= flag.recursionDesired;
  const packet = { id: query.id, type: 'response' as const, questions };

  const whole = { ...packet, flags, answers, authorities, additionals: [...additionals, ...edns] };
  if (encodingLength(whole) <= limit) return encode(whole);
  const bare = { ...packet, flags, answers, additionals: edns };
  if (encodingLength(bare) <= limit) return encode(bare);

  // As many answers as fit: some old clients never ask again over TCP, and one address is all that they need.
  let room = limit - encodingLength({ ...packet, additionals: edns });
  const fitting = answers.filter((record) => (room -= answer.encodingLength(record)) >= 0);
  return encode({ ...packet, flags: flags | flag.truncated, answers: fitting, additionals: edns });
}

/** A reply to bytes that could not be read as a query, and so without its question. */
export function writeRefusal(bytes: Buffer, code: ResponseCode): Buffer {
  const reply = Buffer.alloc(headerSize);
  bytes.copy(reply, 0, 0, 2);
  // Keeps the operation code and "recursion desired", as RFC 1035 asks.
  reply.writeUInt16BE((bytes.readUInt16BE(2) & 0x7900) | flag.response | flag.recursionAvailable | responseCodes[code], 2);
  return reply;
}

/** A forwarded answer for this client: its own id, and cut to its question when it would not fit. */
export function readdress(answerBytes: Buffer, query: Query, limit: number): Buffer {
  if (answerBytes.length <= limit) {
    const copy = Buffer.from(answerBytes);
    copy.writeUInt16BE(query.id, 0);
    return copy;
  }
  const cut = encode({ id: query.id, type: 'response', questions: [query.question] });
  cut.writeUInt16BE(answerBytes.readUInt16BE(2) | flag.truncated, 2);
  return cut;
}

export const isTruncated = (bytes: Buffer): boolean => (bytes.readUInt16BE(2) & flag.truncated) !== 0;

/** Whether `bytes` answer exactly this query: same id, a response, the same question (RFC 5452 §9.1). */
export function answersQuery(bytes: Buffer, sent: Buffer, question: Question): boolean {
  if (bytes.length < headerSize || bytes.readUInt16BE(0) !== sent.readUInt16BE(0)) return false;
  if ((bytes.readUInt16BE(2) & flag.response) === 0 || bytes.readUInt16BE(4) !== 1) return false;
  const length = encodingLength({ questions: [question] }) - headerSize;
  const asked = sent
    .subarray(headerSize, headerSize + length)
    .toString('latin1')
    .toLowerCase();
  return (
    bytes
      .subarray(headerSize, headerSize + length)
      .toString('latin1')
      .toLowerCase() === asked
  );
}
