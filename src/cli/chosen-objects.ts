// Which objects a command line means: those that manifests name, or those of a kind by names or labels. Used by `delete` and `wait`.

import type { DistributionRequest } from '../control/api/contract.ts';
import { usageFailure } from './failure.ts';
import { readManifests } from './manifests.ts';
import { splitNames } from './object-names.ts';

interface Choice {
  readonly file?: readonly string[];
  readonly namespace?: string;
  readonly selector?: string;
}

interface Rules {
  /** Told of files that cannot be read; throws where the others do not count without them. */
  readonly unread: (messages: readonly string[]) => void;
  /** What to give where neither names nor labels are there; undefined where a kind alone is enough. */
  readonly advice: string | undefined;
}

/** One request for all manifests, or one for each kind. */
export function chosenObjects(
  args: readonly string[],
  { file, namespace, selector }: Choice,
  { unread, advice }: Rules,
): DistributionRequest[] {
  const within = namespace === undefined ? {} : { namespace };
  if (file !== undefined) {
    if (args.length > 0) throw usageFailure('give either -f or a kind with names, not both');
    const read = readManifests(file);
    unread(read.unread);
    return [{ files: read.files, ...within }];
  }
  const labelled = selector === undefined ? {} : { selector };
  return splitNames(args).map(({ kind, names }) => {
    if (names.length === 0 && selector === undefined && advice !== undefined) throw usageFailure(`which ${kind}?`, advice);
    return { kind, names, ...labelled, ...within };
  });
}
