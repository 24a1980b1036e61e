// What the outer process on the host and the inner one in the sandbox tell each other over their IPC channel.

import type { PublishedPort } from './controllers/published-services.ts';
import type { HostPort } from './published-ports.ts';

export type ToInner =
  /** The first message: how the host enters the sandbox. */
  | { readonly is: 'hello'; readonly initPid: number }
  | { readonly is: 'published'; readonly ports: readonly HostPort[] }
  /** End gracefully. */
  | { readonly is: 'stop' };

export type ToOuter =
  | { readonly is: 'publish'; readonly ports: readonly PublishedPort[] }
  /** Everything that was asked for at the start is up. */
  | { readonly is: 'ready' };
