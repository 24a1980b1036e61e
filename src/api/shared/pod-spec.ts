// What a pod is made of: in Pods, and in the templates of Deployments and StatefulSets.

import type { Static } from 'typebox';
import { bool, choice, dnsLabel, freeForm, integerOrText, list, openMessage, text, textMap, whole } from '../schema.ts';
import { Container } from './container.ts';

const items = list(openMessage({ key: text, path: text }, { mode: whole() }));

const Volume = openMessage(
  { name: dnsLabel },
  {
    emptyDir: openMessage({}, { medium: text, sizeLimit: integerOrText }),
    configMap: openMessage({}, { name: text, items, optional: bool, defaultMode: whole() }),
    secret: openMessage({}, { secretName: text, items, optional: bool, defaultMode: whole() }),
    hostPath: openMessage({ path: text }, { type: text }),
    downwardAPI: freeForm,
    projected: freeForm,
    persistentVolumeClaim: openMessage({ claimName: text }, { readOnly: bool }),
  },
);
export type Volume = Static<typeof Volume>;

export const PodSpec = openMessage(
  { containers: list(Container, { minItems: 1 }) },
  {
    initContainers: list(Container),
    volumes: list(Volume),
    restartPolicy: choice('Always', 'OnFailure', 'Never'),
    terminationGracePeriodSeconds: whole({ minimum: 0 }),
    activeDeadlineSeconds: whole(),
    serviceAccountName: text,
    serviceAccount: text,
    automountServiceAccountToken: bool,
    nodeName: text,
    nodeSelector: textMap,
    hostname: text,
    subdomain: text,
    hostNetwork: bool,
    hostPID: bool,
    hostIPC: bool,
    shareProcessNamespace: bool,
    hostAliases: list(openMessage({ ip: text }, { hostnames: list(text) })),
    dnsPolicy: text,
    dnsConfig: openMessage(
      {},
      { nameservers: list(text), searches: list(text), options: list(openMessage({}, { name: text, value: text })) },
    ),
    enableServiceLinks: bool,
    imagePullSecrets: list(openMessage({}, { name: text })),
    securityContext: openMessage(
      {},
      {
        runAsUser: whole(),
        runAsGroup: whole(),
        runAsNonRoot: bool,
        fsGroup: whole(),
        sysctls: list(openMessage({ name: text, value: text }, {})),
      },
    ),
    readinessGates: list(openMessage({ conditionType: text }, {})),
    priorityClassName: text,
    affinity: freeForm,
    tolerations: list(freeForm),
    topologySpreadConstraints: list(freeForm),
  },
);
export type PodSpec = Static<typeof PodSpec>;
