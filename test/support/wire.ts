// Reads what goes over the wire between pods: a packet socket in the sandbox's own network, and TCP streams put together from it.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { RunningMesh } from './mesh.ts';

/** Node has no packet sockets. Prints each TCP segment that carries something: addresses, ports, sequence number, bytes. */
const reader = `
import socket, struct, sys
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0003))
wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
print('ready', flush=True)
while True:
    frame = wire.recv(1 << 17)
    if len(frame) < 34 or frame[12:14] != b'\\x08\\x00' or frame[23] != 6: continue
    packet = frame[14:14 + struct.unpack('!H', frame[16:18])[0]]
    tcp = packet[(packet[0] & 15) * 4:]
    load = tcp[(tcp[12] >> 4) * 4:]
    if not load: continue
    source, target, sequence = struct.unpack('!HHI', tcp[:8])
    ip = lambda at: '.'.join(str(byte) for byte in packet[at:at + 4])
    print(f'{ip(12)}:{source}', f'{ip(16)}:{target}', sequence, load.hex(), flush=True)
`;

/** One direction of a connection. */
export interface Flow {
  /** `ADDRESS:PORT`. */
  readonly from: string;
  readonly to: string;
  readonly bytes: Buffer;
}

export interface Wire extends AsyncDisposable {
  /** All that was said so far. */
  flows(): readonly Flow[];
}

/** Starts reading the wire of a mesh that runs as root. */
export async function readWire(mesh: RunningMesh): Promise<Wire> {
  const [unshare = 0] = children(mesh.pid);
  const [first = 0] = children(unshare);
  const child = spawn('nsenter', ['--target', String(first), '--net', '--', 'python3', '-c', reader], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (more: string) => (text += more));
  await Promise.race([once(child.stdout, 'data'), once(child, 'exit').then(() => Promise.reject(new Error('no packet socket')))]);
  return {
    flows: () => flowsOf(text.split('\n').slice(1, -1)),
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM');
      await once(child, 'close');
    },
  };
}

function flowsOf(lines: readonly string[]): Flow[] {
  const segments = new Map<string, Map<number, string>>();
  for (const line of lines) {
    const [from = '', to = '', sequence = '', hex = ''] = line.split(' ');
    const key = `${from} ${to}`;
    const flow = segments.get(key) ?? new Map<number, string>();
    segments.set(key, flow);
    // The same segment is seen where it leaves one pod and where it enters the other.
    if ((flow.get(Number(sequence))?.length ?? 0) < hex.length) flow.set(Number(sequence), hex);
  }
  return [...segments].map(([key, flow]) => {
    const [from = '', to = ''] = key.split(' ');
    const inOrder = [...flow].toSorted(([a], [b]) => a - b).map(([, hex]) => hex);
    return { from, to, bytes: Buffer.from(inOrder.join(''), 'hex') };
  });
}

/** The types of a stream's TLS records (22 handshake, 23 data, 21 alert, 20 cipher); undefined where it is anything else. */
export function tlsRecords(bytes: Buffer): number[] | undefined {
  const types: number[] = [];
  let at = 0;
  while (at + 5 <= bytes.length) {
    const type = bytes.readUInt8(at);
    if (type < 20 || type > 23 || bytes.readUInt8(at + 1) !== 3) return undefined;
    types.push(type);
    at += 5 + bytes.readUInt16BE(at + 3);
  }
  return at === bytes.length && types.length > 0 ? types : undefined;
}

const children = (pid: number): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number);
