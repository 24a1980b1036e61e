// How a proxy comes by its clusters: what it says in its node's metadata, and what a person may write on its pod.

import type { Delivery } from './configuration.ts';

/** Node metadata in which a proxy says that its bootstrap has the stream for clusters on demand, and that it wants them so. */
export const deliveryKey = 'LATEEN_DELIVERY';

/** A pod's own word on it, `eager` or `demand`. */
export const deliveryAnnotation = 'lateen.dev/delivery';

export const deliveries: readonly Delivery[] = ['eager', 'demand'];

export const deliveryNamed = (text: string | undefined): Delivery | undefined => deliveries.find((known) => known === text);
