// The server of the push benchmark: store, compiler and ADS of `lateen control`, with changes handed in over IPC instead of by
// files, so that a change has an exact beginning.

import { decode } from '../src/api/decode.ts';
import { originOf } from '../src/api/object.ts';
import { createCompiler } from '../src/compile/compile.ts';
import { encodings } from '../src/compile/resource.ts';
import { serveGrpc } from '../src/lib/grpc/server.ts';
import { Store } from '../src/store/store.ts';
import { adsHandlers } from '../src/xds/ads.ts';
import { world, type WorldSize } from './support/world.ts';
import type { ServerAnswer, ServerCommand } from './support/push-protocol.ts';

const store = new Store();
const ads = adsHandlers({ compiler: createCompiler(store), authorize: () => ({}) });

function apply(document: unknown): void {
  const { object, diagnostics } = decode(document, originOf('bench'));
  if (object === undefined) throw new Error(diagnostics.map(({ message }) => message).join('; '));
  store.upsert(object);
}

function load(size: WorldSize): void {
  store.transaction(() => {
    for (const document of world(size)) apply(document);
  });
}

const cpuMs = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

const server = await serveGrpc({
  handlers: ads.handlers,
  listen: { host: '127.0.0.1', port: Number(process.argv[2] ?? 0) },
  maxConnections: 20_000,
});

const answer = (message: ServerAnswer): void => void process.send?.(message);

process.on('message', (command: ServerCommand) => {
  switch (command.do) {
    case 'load':
      load(command.size);
      return answer({ done: true });
    case 'apply': {
      const before = { cpu: cpuMs(), encoded: encodings.count };
      const at = performance.timeOrigin + performance.now();
      apply(command.document);
      return answer({ applied: { at, ...before } });
    }
    case 'measure':
      if (command.collect) globalThis.gc?.();
      return answer({ measured: { cpu: cpuMs(), encoded: encodings.count, rss: process.memoryUsage.rss() } });
    case 'exit':
      process.exit(0);
  }
});
process.on('disconnect', () => process.exit(0));

if (!('path' in server.address)) answer({ listening: server.address.port });
