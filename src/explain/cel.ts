// The few CEL expressions that the compiler writes, read back. Any other is left as it stands.

import { withoutPort } from './domains.ts';
import { authorityOf, type Headers } from './headers.ts';
import type { Passage } from './passage.ts';

/** `request.protocol == 'HTTP/2' ? 'a' : 'b'`, and the request's host without its port. */
export function celText(expression: string, { request }: Passage, headers: Headers | undefined): string | undefined {
  const [, version, then, otherwise] = /^request\.protocol == '([^']*)' \? '([^']*)' : '([^']*)'$/.exec(expression) ?? [];
  if (version !== undefined) return request.kind === 'http' && request.version === version ? then : otherwise;
  if (expression.startsWith('re.extract(request.host') && headers !== undefined) return withoutPort(authorityOf(headers));
  return undefined;
}
