// Where a route sends traffic: a host, perhaps one of its subsets and ports.

import type { Static } from 'typebox';
import { message, nonEmpty, portNumber, text } from '../schema.ts';

export const PortSelector = message({}, { number: portNumber });
export type PortSelector = Static<typeof PortSelector>;

export const Destination = message({ host: nonEmpty }, { subset: text, port: PortSelector });
export type Destination = Static<typeof Destination>;
