// A percentage of requests as Envoy counts it: millionths, so that 0.001 % is sayable.

import { FractionalPercent_DenominatorType } from '../../gen/envoy/type/v3/percent_pb.js';

/** `value` from 0 to 100. */
export const percent = (value: number) => ({
  numerator: Math.round(value * 10_000),
  denominator: FractionalPercent_DenominatorType.MILLION,
});
