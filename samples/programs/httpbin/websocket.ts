// httpbin's /websocket/echo: sends each WebSocket message back (RFC 6455, without extensions).

import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { one, type Upgrade } from '../http-server.ts';

const opcode = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;
const longestMessage = 1024 * 1024;

export const webSocketEcho: Upgrade = {
  wants: (request) =>
    (request.headers.upgrade ?? '').toLowerCase() === 'websocket' && (request.url ?? '').split('?')[0] === '/websocket/echo',
  take: (request, socket, head) => echo(request, socket, head),
};

function echo(request: IncomingMessage, socket: Duplex, head: Buffer): void {
  socket.on('error', () => socket.destroy());
  const key = one(request.headers['sec-websocket-key']);
  if (key === undefined || request.headers['sec-websocket-version'] !== '13') {
    socket.end('HTTP/1.1 400 Bad Request\r\nsec-websocket-version: 13\r\nconnection: close\r\ncontent-length: 0\r\n\r\n');
    return;
  }
  const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: ${accept}\r\n\r\n`,
  );

  let buffered = Buffer.alloc(0);
  /** The frames of a message that is not whole yet. */
  let parts: Buffer[] = [];
  let kind: number = opcode.text;

  const fail = (code: number): void => {
    const payload = Buffer.alloc(2);
    payload.writeUInt16BE(code);
    socket.end(frame(opcode.close, payload));
  };

  /** Handles one frame; false when the connection is over. */
  const accepted = ({ final, type, payload }: Frame): boolean => {
    switch (type) {
      case opcode.close:
        socket.end(frame(opcode.close, payload.subarray(0, 2)));
        return false;
      case opcode.ping:
        socket.write(frame(opcode.pong, payload));
        return true;
      case opcode.pong:
        return true;
      case opcode.continuation:
      case opcode.text:
      case opcode.binary: {
        if ((type === opcode.continuation) !== parts.length > 0) return (fail(1002), false);
        if (type !== opcode.continuation) kind = type;
        parts.push(payload);
        if (parts.length > 10_000 || parts.reduce((sum, part) => sum + part.length, 0) > longestMessage)
          return (fail(1009), false);
        if (final) {
          socket.write(frame(kind, Buffer.concat(parts)));
          parts = [];
        }
        return true;
      }
      default:
        return (fail(1002), false);
    }
  };

  const read = (chunk: Buffer): void => {
    buffered = Buffer.concat([buffered, chunk]);
    while (!socket.writableEnded) {
      const next = readFrame(buffered);
      if (next === 'partial') return;
      if (next === 'malformed') return fail(1002);
      if (next === 'too long') return fail(1009);
      buffered = buffered.subarray(next.length);
      if (!accepted(next)) return;
    }
  };
  socket.on('data', read);
  socket.on('end', () => socket.end());
  if (head.length > 0) read(head);
}

interface Frame {
  readonly final: boolean;
  readonly type: number;
  readonly payload: Buffer;
  /** Bytes the frame took, its header included. */
  readonly length: number;
}

function readFrame(bytes: Buffer): Frame | 'partial' | 'malformed' | 'too long' {
  const [first, second] = bytes;
  if (first === undefined || second === undefined) return 'partial';
  const type = first & 0x0f;
  const short = second & 0x7f;
  // A client must mask, no extension was agreed on, and control frames are whole and short.
  if ((second & 0x80) === 0 || (first & 0x70) !== 0) return 'malformed';
  if (type >= opcode.close && (short > 125 || (first & 0x80) === 0)) return 'malformed';
  const lengthBytes = short === 127 ? 8 : short === 126 ? 2 : 0;
  const start = 2 + lengthBytes + 4;
  if (bytes.length < start) return 'partial';
  const size = lengthBytes === 8 ? Number(bytes.readBigUInt64BE(2)) : lengthBytes === 2 ? bytes.readUInt16BE(2) : short;
  if (size > longestMessage) return 'too long';
  if (bytes.length < start + size) return 'partial';
  const mask = bytes.subarray(start - 4, start);
  const payload = Buffer.from(bytes.subarray(start, start + size));
  for (let i = 0; i < payload.length; i++) payload[i] = (payload[i] ?? 0) ^ (mask[i & 3] ?? 0);
  return { final: (first & 0x80) !== 0, type, payload, length: start + size };
}

function frame(type: number, payload: Buffer): Buffer {
  const size = payload.length;
  const header = Buffer.alloc(size < 126 ? 2 : size < 65_536 ? 4 : 10);
  header[0] = 0x80 | type;
  header[1] = size < 126 ? size : size < 65_536 ? 126 : 127;
  if (header.length === 4) header.writeUInt16BE(size, 2);
  if (header.length === 10) header.writeBigUInt64BE(BigInt(size), 2);
  return Buffer.concat([header, payload]);
}
