// How text is matched in Istio's rules: exactly one of exact, prefix, regex. `{}` matches whatever is present.

import type { Static } from 'typebox';
import { message, text } from '../schema.ts';

export const StringMatch = message({}, { exact: text, prefix: text, regex: text });
export type StringMatch = Static<typeof StringMatch>;
