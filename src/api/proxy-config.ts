// ProxyConfig: settings of the proxies of some workloads (networking.istio.io).

import type { Static } from 'typebox';
import { defineKind } from './kind.ts';
import { count, message, text, textMap } from './schema.ts';
import { documentOf, istioNetworking } from './shared/document.ts';
import { LabelSelector } from './shared/selector.ts';

const Spec = message(
  {},
  {
    selector: LabelSelector,
    concurrency: count,
    environmentVariables: textMap,
    image: message({}, { imageType: text }),
  },
);

const schema = documentOf(Spec);
export type ProxyConfig = Static<typeof schema>;

export const proxyConfig = defineKind({
  ...istioNetworking,
  versions: ['v1beta1'],
  kind: 'ProxyConfig',
  plural: 'proxyconfigs',
  shortNames: [],
  schema,
  checks: [],
  columns: [],
  inEffect: false,
});
