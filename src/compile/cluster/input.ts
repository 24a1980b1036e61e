// What one outbound cluster is made from.

import type { DestinationPolicy, Subset } from '../../mesh/destination-policy.ts';
import type { Service, ServicePort } from '../../mesh/service.ts';
import type { CallerLocality } from '../endpoint.ts';
import type { AddressFamilies } from '../node.ts';
import type { FileReader } from '../tls.ts';

/** A port of a service, or of one of its subsets, and who calls it. */
export interface ClusterInput {
  readonly service: Service;
  readonly port: ServicePort;
  readonly subset: Subset | undefined;
  readonly policy: DestinationPolicy | undefined;
  /** A gateway cannot use the address its caller dialled, so it lists endpoints where a sidecar would not. */
  readonly router: boolean;
  /** Which addresses names are resolved to. */
  readonly families: AddressFamilies;
  readonly files: FileReader;
  /** Where the caller is, where that changes the cluster itself: the endpoints of a DNS cluster are part of it. */
  readonly caller: CallerLocality | undefined;
  /** For mutual TLS between others that a gateway hands on unopened, to where its server name says. */
  readonly unopened?: boolean;
  /** The name under which it was called on demand; undefined: it is there before anyone calls it. */
  readonly called?: string;
}
