// What becomes of a tree of matchers (xDS's generic ones): the action that it comes to, or what stood in the way.

import type { TypedExtensionConfig } from '../../../gen/xds/core/v3/extension_pb.js';

export type Decision =
  /** `because`: what held on the way to it, in words, outermost first. */
  | { readonly kind: 'action'; readonly action: TypedExtensionConfig; readonly because: readonly string[] }
  /** `failed`: what was asked for and what there is, of each place where the way ended. */
  | { readonly kind: 'none'; readonly failed: readonly string[] }
  /** It asks for what cannot be decided here. */
  | { readonly kind: 'open'; readonly why: string };

/** Whether a condition holds; a text says why that is not known. */
export type Verdict = boolean | string;

export const everyVerdict = (verdicts: readonly Verdict[]): Verdict =>
  verdicts.includes(false) ? false : (verdicts.find((each) => typeof each === 'string') ?? true);

export const someVerdict = (verdicts: readonly Verdict[]): Verdict =>
  verdicts.includes(true) ? true : (verdicts.find((each) => typeof each === 'string') ?? false);

export const notVerdict = (verdict: Verdict): Verdict => (typeof verdict === 'string' ? verdict : !verdict);
