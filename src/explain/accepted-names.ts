// The names one of which a peer's certificate must have, as either side of TLS asks for them.

import type { CommonTlsContext } from '../../gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js';
import type { StringMatcher } from '../../gen/envoy/type/matcher/v3/string_pb.js';

/** None: any name will do. */
export function acceptedNames(common: CommonTlsContext | undefined): StringMatcher[] {
  const type = common?.validationContextType;
  const context =
    type?.case === 'combinedValidationContext'
      ? type.value.defaultValidationContext
      : type?.case === 'validationContext'
        ? type.value
        : undefined;
  return [
    ...(context?.matchTypedSubjectAltNames.flatMap(({ matcher }) => matcher ?? []) ?? []),
    ...(context?.matchSubjectAltNames ?? []),
  ];
}
