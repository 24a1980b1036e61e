// Kubernetes' label selector: equal labels, and expressions over sets of values.

import type { Static } from 'typebox';
import { choice, list, openMessage, text, textMap } from '../schema.ts';

export const SetSelector = openMessage(
  {},
  {
    matchLabels: textMap,
    matchExpressions: list(
      openMessage({ key: text, operator: choice('In', 'NotIn', 'Exists', 'DoesNotExist') }, { values: list(text) }),
    ),
  },
);
export type SetSelector = Static<typeof SetSelector>;
