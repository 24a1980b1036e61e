// What the push benchmark's driver and its server say to each other.

import type { WorldSize } from './world.ts';

export type ServerCommand =
  | { readonly do: 'load'; readonly size: WorldSize }
  | { readonly do: 'apply'; readonly document: unknown }
  | { readonly do: 'measure'; readonly collect?: boolean }
  | { readonly do: 'exit' };

export interface Measured {
  /** CPU of the server's process, in milliseconds. */
  readonly cpu: number;
  /** Messages encoded since its start. */
  readonly encoded: number;
  readonly rss: number;
}

export type ServerAnswer =
  | { readonly listening: number }
  | { readonly done: true }
  /** When the change was handed to the store (milliseconds since 1970), and the state before it. */
  | { readonly applied: { readonly at: number; readonly cpu: number; readonly encoded: number } }
  | { readonly measured: Measured };
