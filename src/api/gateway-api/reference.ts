// How Gateway API objects name each other: parents, backends, secrets; with the limits of its CRDs.

import type { Static } from 'typebox';
import { integer, list, message, openMessage, pattern, text, textOf, wholePort } from '../schema.ts';

export const objectName = textOf({ minLength: 1, maxLength: 253 });
export const namespaceName = pattern('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$', "a namespace's name", { minLength: 1, maxLength: 63 });
/** Empty for Kubernetes' core group. */
export const groupName = pattern(
  String.raw`^$|^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`,
  'an API group',
  { maxLength: 253 },
);
export const kindName = pattern('^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$', 'a kind', { minLength: 1, maxLength: 63 });
export const sectionName = pattern(
  String.raw`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`,
  'a section name',
  { minLength: 1, maxLength: 253 },
);
/** Whole numbers in Kubernetes do not stand in quotes. */
export const port = wholePort;

/** A host name in lower case, perhaps with `*.` before it. */
export const hostname = pattern(
  String.raw`^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`,
  'a host name in lower case',
  { minLength: 1, maxLength: 253 },
);
export const preciseHostname = pattern(
  String.raw`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`,
  'a host name in lower case, without wildcard',
  { minLength: 1, maxLength: 253 },
);

/** Durations of the Gateway API: no fractions. */
export const gatewayDuration = pattern('^([0-9]{1,5}(h|m|s|ms)){1,4}$', 'a duration such as 10s, 500ms or 1h30m');

const ParentReference = message(
  { name: objectName },
  { group: groupName, kind: kindName, namespace: namespaceName, sectionName, port },
);
export type ParentReference = Static<typeof ParentReference>;

const backend = { group: groupName, kind: kindName, namespace: namespaceName, port };

export const BackendObjectReference = message({ name: objectName }, backend);
export type BackendObjectReference = Static<typeof BackendObjectReference>;

const weight = integer(0, 1_000_000);
export const BackendRef = message({ name: objectName }, { ...backend, weight });
export type BackendRef = Static<typeof BackendRef>;
/** For kinds whose backends carry filters too. */
export const backendFields = { ...backend, weight };

export const SecretObjectReference = message(
  { name: objectName },
  { group: groupName, kind: kindName, namespace: namespaceName },
);
export const ObjectReference = message({ group: groupName, kind: kindName, name: objectName }, { namespace: namespaceName });
export const LocalObjectReference = message({ group: groupName, kind: kindName, name: objectName }, {});

/** What routes have in common. */
export const commonRoute = { parentRefs: list(ParentReference, { maxItems: 32 }) };

/** Written by controllers; read by people. */
export const Status = openMessage({}, { reason: text });

export const gatewayApi = { group: 'gateway.networking.k8s.io', shortNames: [], inEffect: false } as const;
