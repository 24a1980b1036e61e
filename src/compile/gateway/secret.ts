// Secrets that a gateway's servers, or a policy's own TLS, name: certificates and trust from Kubernetes Secrets and ConfigMaps.

import { SecretSchema } from '../../../gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js';
import type { ReadonlySignal } from '@preact/signals-core';
import type { ConfigMap } from '../../api/config-map.ts';
import type { ApiObject } from '../../api/object.ts';
import type { Secret } from '../../api/secret.ts';
import type { Mesh } from '../../mesh/mesh.ts';
import { familyBy } from '../../store/family.ts';
import { parseCredential, trustSuffix, type Credential } from '../credential-name.ts';
import { resource, settle } from '../encode.ts';
import { identityOf } from '../identity.ts';
import { cause } from '../origin.ts';
import type { ProxyClass } from '../proxy-class.ts';
import type { Resource } from '../resource.ts';
import { certificateProblem, trustProblem } from './secret-check.ts';

interface Key {
  readonly proxy: ProxyClass;
  readonly name: string;
}

/**
 * A secret by its SDS name; undefined while there is none, or none that the proxy may read: only its own namespace's. One that cannot be
 * used any more keeps its last good form.
 */
export const gatewaySecret = (proxy: ProxyClass, name: string): ReadonlySignal<Resource | undefined> => cells({ proxy, name });

const text = ({ proxy, name }: Key): string =>
  `${identityOf(proxy.view.mesh)} ${proxy.view.clusterId} ${proxy.namespace} ${name}`;

const cells = familyBy<Key, Resource | undefined>(text, (key, previous) => {
  const { name } = key;
  const { object, content, problem } = found(key).value;
  // Envoy refuses it, and says so; without it, what waits for it would wait in vain.
  if (problem !== undefined && previous !== undefined) return previous;
  if (object === undefined) return undefined;
  return content && settle(previous, resource(SecretSchema, name, { name, type: content }, [cause(object)]));
});

/** The object that has a secret's content which cannot be used, and why; undefined where nothing is wrong with it. */
export function badSecret(proxy: ProxyClass, name: string): { readonly object: Holder; readonly problem: string } | undefined {
  const { object, problem } = found({ proxy, name }).value;
  return object === undefined || problem === undefined ? undefined : { object, problem };
}

const found = familyBy<Key, Found>(text, ({ proxy, name }) => look({ ...proxy.view, namespace: proxy.namespace }, name));

/** Where a gateway runs, which is where its Secrets are. */
interface Home {
  readonly mesh: Mesh;
  readonly clusterId: string;
  readonly namespace: string;
}

/** Whether gateways there find a secret by its SDS name that can be used. */
export function hasSecret(home: Home, name: string): boolean {
  const { content, problem } = look(home, name);
  return content !== undefined && problem === undefined;
}

function look(home: Home, name: string): Found {
  const wanted = parseCredential(name, home.namespace);
  if (wanted === undefined || wanted.namespace !== home.namespace) return { object: undefined };
  return wanted.name.endsWith(trustSuffix) ? trustNamed(home, wanted) : certificateNamed(home, wanted);
}

type Content = { case: 'tlsCertificate'; value: object } | { case: 'validationContext'; value: object };
type Holder = ApiObject<Secret> | ApiObject<ConfigMap>;

interface Found {
  readonly object: Holder | undefined;
  readonly content?: Content | undefined;
  /** Why it cannot be used. */
  readonly problem?: string | undefined;
}

function certificateNamed(home: Home, credential: Credential): Found {
  const object = objectAt(home, credential);
  return { object, ...(object && certificateOf(object)) };
}

/** `NAME-cacert` is an object of its own, or the trust inside NAME. */
function trustNamed(home: Home, credential: Credential): Found {
  const inside = { ...credential, name: credential.name.slice(0, -trustSuffix.length) };
  const object = objectAt(home, credential) ?? objectAt(home, inside);
  return { object, ...trustOf(object) };
}

const objectAt = ({ mesh, clusterId }: Home, { kind, namespace, name }: Credential): Holder | undefined =>
  mesh.credential(kind, namespace, name, clusterId) as Holder | undefined;

const inline = (bytes: Uint8Array) => ({ specifier: { case: 'inlineBytes' as const, value: bytes } });

/** A value that is there and not empty. */
function value(object: Holder, key: string): Uint8Array | undefined {
  const { plain, encoded } = valuesOf(object);
  const text = plain?.[key];
  const bytes = text !== undefined ? Buffer.from(text) : Buffer.from(encoded?.[key] ?? '', 'base64');
  return bytes.length === 0 ? undefined : new Uint8Array(bytes);
}

/** Text as it is, which counts first, and base64. */
function valuesOf({ kind, body }: Holder) {
  if (kind === 'ConfigMap') {
    const { data, binaryData } = body as ConfigMap;
    return { plain: data, encoded: binaryData };
  }
  const { stringData, data } = body as Secret;
  return { plain: stringData, encoded: data };
}

/** The generic names count before those of type `kubernetes.io/tls`. */
function certificateOf(object: Holder): Omit<Found, 'object'> {
  for (const [cert, key, staple] of certificateKeys) {
    const chain = value(object, cert);
    const privateKey = value(object, key);
    if (chain === undefined || privateKey === undefined) continue;
    const response = value(object, staple);
    const certificate = {
      certificateChain: inline(chain),
      privateKey: inline(privateKey),
      ...(response && { ocspStaple: inline(response) }),
    };
    return { content: { case: 'tlsCertificate', value: certificate }, problem: certificateProblem(chain, privateKey) };
  }
  return {};
}

const certificateKeys = [
  ['cert', 'key', 'ocsp-staple'],
  ['tls.crt', 'tls.key', 'tls.ocsp-staple'],
] as const;

function trustOf(object: Holder | undefined): Omit<Found, 'object'> {
  if (object === undefined) return {};
  for (const [cert, list] of trustKeys) {
    const roots = value(object, cert);
    if (roots === undefined) continue;
    const crl = value(object, list);
    const trust = { trustedCa: inline(roots), ...(crl && { crl: inline(crl) }) };
    return { content: { case: 'validationContext', value: trust }, problem: trustProblem(roots) };
  }
  return {};
}

const trustKeys = [
  ['cacert', 'crl'],
  ['ca.crt', 'ca.crl'],
] as const;
