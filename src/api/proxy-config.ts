// ProxyConfig: settings of the proxies of some workloads (networking.istio.io).

import type { Static } from 'typebox';
import { defineKind, type Check } from './kind.ts';
import { count, message, text, textMap } from './schema.ts';
import { documentOf, istioNetworking } from './shared/document.ts';
import { LabelSelector } from './shared/selector.ts';
import { checkSelector } from './shared/values.ts';

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

const selected: Check<ProxyConfig> = ({ spec: { selector } }) =>
  checkSelector(selector?.matchLabels, ['spec', 'selector', 'matchLabels'], selector !== undefined);

export const proxyConfig = defineKind({
  ...istioNetworking,
  versions: ['v1beta1'],
  kind: 'ProxyConfig',
  plural: 'proxyconfigs',
  shortNames: [],
  schema,
  checks: [selected],
  columns: [],
  inEffect: true,
});
