// Names out of the manifests that a command line gives, as the running mesh would tell its own.

import { decode } from '../../api/decode.ts';
import { meshConfigDefaults } from '../../api/mesh-config.ts';
import { storeOf } from '../../compile/compile.ts';
import type { WordsAnswer, WordsQuery } from '../../control/api/contract.ts';
import { ApiError } from '../../control/api/refusal.ts';
import { wordsOf } from '../../control/api/words.ts';
import { loadFiles } from '../../sources/manifest.ts';

/** A kind that nobody knows has no names. */
export function fileWords(query: WordsQuery, files: readonly string[]): WordsAnswer {
  const { objects } = loadFiles(files, decode);
  try {
    return wordsOf(query, storeOf({ objects, meshConfig: meshConfigDefaults() }));
  } catch (error) {
    if (error instanceof ApiError) return [];
    throw error;
  }
}
