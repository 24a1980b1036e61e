// A program of the redirection tests, run inside a namespace: answers on ports, or calls addresses and prints what answered.
// Its text is given to node directly, so it imports nothing of the project and may run as a user who cannot read these files.

import ffi from 'node:ffi';
import net from 'node:net';

/** A call: to where, from which address, with SO_MARK or not. */
interface Call {
  readonly host: string;
  readonly port: number;
  readonly from?: string;
  readonly mark?: number;
}

const { functions: libc } = ffi.dlopen('libc.so.6', {
  socket: { return: 'i32', arguments: ['i32', 'i32', 'i32'] },
  getsockopt: { return: 'i32', arguments: ['i32', 'i32', 'i32', 'pointer', 'pointer'] },
  setsockopt: { return: 'i32', arguments: ['i32', 'i32', 'i32', 'pointer', 'u32'] },
});

const linux = {
  AF_INET: 2,
  AF_INET6: 10,
  SOCK_STREAM: 1,
  SOL_SOCKET: 1,
  SO_MARK: 36,
  SOL_IP: 0,
  SOL_IPV6: 41,
  SO_ORIGINAL_DST: 80,
};

const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
};

/** Where a redirected connection was going, as the kernel remembers it. */
function originalDestination(socket: net.Socket): string {
  const { fd } = (socket as unknown as { _handle: { fd: number } })._handle;
  const v6 = socket.localAddress?.startsWith('::ffff:') === false && net.isIPv6(socket.localAddress);
  const address = Buffer.alloc(28);
  const failed = libc['getsockopt']?.(
    fd,
    v6 ? linux.SOL_IPV6 : linux.SOL_IP,
    linux.SO_ORIGINAL_DST,
    address,
    int32(address.length),
  );
  if (failed !== 0) return 'nowhere';
  const port = address.readUInt16BE(2);
  if (!v6) return `${[...address.subarray(4, 8)].join('.')}:${port}`;
  const groups = [0, 2, 4, 6, 8, 10, 12, 14].map((at) => address.readUInt16BE(8 + at).toString(16));
  return `[${groups.join(':').replace(/(?:^|:)(?:0:)+/, '::')}]:${port}`;
}

async function serve(name: string, ports: readonly number[]): Promise<void> {
  for (const port of ports) {
    const server = net.createServer((socket) => {
      socket.on('error', () => {});
      const side = ({ 15001: 'outbound', 15006: 'inbound' } as Record<number, string>)[port];
      socket.end(side === undefined ? `${name}:${port}` : `${side} ${originalDestination(socket)}`);
    });
    await new Promise<void>((resolve) => server.listen(port, '::', resolve));
  }
  console.log('listening');
}

function marked(host: string, mark: number): net.Socket {
  const fd: number = libc['socket']?.(net.isIPv6(host) ? linux.AF_INET6 : linux.AF_INET, linux.SOCK_STREAM, 0);
  if (libc['setsockopt']?.(fd, linux.SOL_SOCKET, linux.SO_MARK, int32(mark), 4) !== 0) throw new Error('SO_MARK is refused here');
  return new net.Socket({ fd });
}

async function call({ host, port, from, mark }: Call): Promise<string> {
  return new Promise((resolve) => {
    const socket = mark === undefined ? new net.Socket() : marked(host, mark);
    let text = '';
    socket.setTimeout(5000, () => socket.destroy(new Error('timeout')));
    socket.on('data', (chunk) => (text += String(chunk)));
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    socket.on('end', () => resolve(text));
    socket.connect({ host, port, ...(from !== undefined && { localAddress: from }) });
  });
}

const [what, ...words] = JSON.parse(process.argv.at(-1) ?? '[]') as ['serve', string, number[]] | ['call', Call[]];
if (what === 'serve') await serve(words[0] as string, words[1] as number[]);
else console.log(JSON.stringify(await Promise.all((words[0] as Call[]).map(call))));
