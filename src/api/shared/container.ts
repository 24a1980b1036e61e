// A container of a pod, as far as a mesh and a platform that runs it as a process read it.

import type { Static } from 'typebox';
import {
  bool,
  choice,
  dnsLabel,
  freeForm,
  integerOrText,
  list,
  map,
  openMessage,
  quantity,
  text,
  textOf,
  whole,
  wholePort,
} from '../schema.ts';

const wholeSeconds = whole({ minimum: 0 });
const portNumber = wholePort;

const keyRef = openMessage({ key: text }, { name: text, optional: bool });

const EnvVar = openMessage(
  { name: textOf({ minLength: 1 }) },
  {
    value: text,
    valueFrom: openMessage(
      {},
      {
        configMapKeyRef: keyRef,
        secretKeyRef: keyRef,
        fieldRef: openMessage({ fieldPath: text }, { apiVersion: text }),
        resourceFieldRef: openMessage({ resource: text }, { containerName: text, divisor: integerOrText }),
      },
    ),
  },
);
export type EnvVar = Static<typeof EnvVar>;

const namedSource = openMessage({}, { name: text, optional: bool });
const EnvFromSource = openMessage({}, { prefix: text, configMapRef: namedSource, secretRef: namedSource });
export type EnvFromSource = Static<typeof EnvFromSource>;

const handlers = {
  httpGet: openMessage(
    { port: integerOrText },
    {
      path: text,
      host: text,
      scheme: choice('HTTP', 'HTTPS'),
      httpHeaders: list(openMessage({ name: text, value: text }, {})),
    },
  ),
  tcpSocket: openMessage({ port: integerOrText }, { host: text }),
  exec: openMessage({}, { command: list(text) }),
};

const Probe = openMessage(
  {},
  {
    ...handlers,
    grpc: openMessage({ port: portNumber }, { service: text }),
    initialDelaySeconds: wholeSeconds,
    periodSeconds: wholeSeconds,
    timeoutSeconds: wholeSeconds,
    successThreshold: wholeSeconds,
    failureThreshold: wholeSeconds,
    terminationGracePeriodSeconds: wholeSeconds,
  },
);
export type Probe = Static<typeof Probe>;

const lifecycleHandler = openMessage({}, { ...handlers, sleep: openMessage({ seconds: wholeSeconds }, {}) });

const ContainerPort = openMessage(
  { containerPort: portNumber },
  { name: text, protocol: choice('TCP', 'UDP', 'SCTP'), hostIP: text, hostPort: whole() },
);
export type ContainerPort = Static<typeof ContainerPort>;

const SecurityContext = openMessage(
  {},
  {
    runAsUser: whole(),
    runAsGroup: whole(),
    runAsNonRoot: bool,
    privileged: bool,
    readOnlyRootFilesystem: bool,
    allowPrivilegeEscalation: bool,
    capabilities: openMessage({}, { add: list(text), drop: list(text) }),
    seccompProfile: freeForm,
  },
);

const quantities = map(quantity);

export const Container = openMessage(
  { name: dnsLabel },
  {
    image: text,
    command: list(text),
    args: list(text),
    workingDir: text,
    env: list(EnvVar),
    envFrom: list(EnvFromSource),
    ports: list(ContainerPort),
    resources: openMessage({}, { requests: quantities, limits: quantities }),
    volumeMounts: list(
      openMessage({ name: text, mountPath: text }, { subPath: text, subPathExpr: text, readOnly: bool, mountPropagation: text }),
    ),
    readinessProbe: Probe,
    livenessProbe: Probe,
    startupProbe: Probe,
    lifecycle: openMessage({}, { postStart: lifecycleHandler, preStop: lifecycleHandler, stopSignal: text }),
    imagePullPolicy: choice('Always', 'IfNotPresent', 'Never'),
    /** `Always` on an init container makes it a sidecar that runs as long as the pod. */
    restartPolicy: text,
    securityContext: SecurityContext,
    terminationMessagePath: text,
    terminationMessagePolicy: text,
    stdin: bool,
    tty: bool,
  },
);
export type Container = Static<typeof Container>;
