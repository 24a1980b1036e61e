// What all pods of a platform share: its tools, network and objects, and where their files go.

import type { Diagnostic } from '../api/diagnostic.ts';
import type { Clock } from './clock.ts';
import type { Images } from './images.ts';
import type { MeshHooks } from './mesh-hooks.ts';
import type { Network } from './network.ts';
import type { Objects } from './objects.ts';
import type { Tools } from './tools.ts';

export interface PodHost {
  readonly tools: Tools;
  readonly network: Network;
  readonly objects: Objects;
  readonly images: Images;
  readonly mesh: MeshHooks;
  readonly clock: Clock;
  /** Whether uids are real here: with root's rights, and not inside a user namespace. */
  readonly root: boolean;
  /** Programs are looked up here where a container's own PATH says nothing else. */
  readonly path: string;
  /** A folder in the sandbox's memory for pods' files. */
  readonly podFolder: string;
  /** A folder on disk for containers' output. */
  readonly logFolder: string;
  readonly report: (diagnostic: Diagnostic) => void;
}
