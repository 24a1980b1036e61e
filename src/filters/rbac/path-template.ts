// Path templates (`/orders/{*}/items/{**}`) → Envoy's URI templates. Checked to the letter: Envoy 1.40 does not refuse a template
// that it cannot read, it aborts.

import type { Any } from '@bufbuild/protobuf/wkt';
import { UriTemplateMatchConfigSchema } from '../../../gen/envoy/extensions/path/match/uri_template/v3/uri_template_match_pb.js';
import { any } from '../any.ts';
import { unusable, type Unusable } from './unusable.ts';

/** A path with `{*}` (one segment) or `{**}` (any number of them) is a template; other braces are letters. */
export const isPathTemplate = (path: string): boolean => path.includes('{*}') || path.includes('{**}');

/** Whole segments: an operator, or letters that Envoy's templates take. */
const segments = /^(\/(\{\*\*?\}|[\w\-.~%!$&'()+,;:@=]+))+\/?$/;

const longest = 1024;

export function pathTemplate(path: string): { readonly name: string; readonly typedConfig: Any } | Unusable {
  if (path.length > longest) return unusable('is too long for a path template', `keep it within ${longest} characters`);
  // Nothing may vary after `{**}`.
  if (!segments.test(path) || /\{\*\*\}.*\{/.test(path)) {
    return unusable(
      'is not a path template',
      'let {*} and {**} be whole segments, {**} the last of them, without other wildcards',
    );
  }
  return {
    name: 'envoy.path.match.uri_template.uri_template_matcher',
    typedConfig: any(UriTemplateMatchConfigSchema, { pathTemplate: path.replaceAll('{**}', '**').replaceAll('{*}', '*') }),
  };
}
