// Secrets that a gateway's servers, or a policy's own TLS, name: certificates and trust from Kubernetes Secrets.

import { SecretSchema } from '../../../gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js';
import type { ReadonlySignal } from '@preact/signals-core';
import type { ApiObject } from '../../api/object.ts';
import type { Secret } from '../../api/secret.ts';
import { familyBy } from '../../store/family.ts';
import { resource, settle } from '../encode.ts';
import { identityOf } from '../identity.ts';
import { cause } from '../origin.ts';
import type { ProxyClass } from '../proxy-class.ts';
import type { Resource } from '../resource.ts';

interface Key {
  readonly proxy: ProxyClass;
  readonly name: string;
}

/** A secret by its SDS name; undefined while there is none, or none that the proxy may read: only its own namespace's. */
export const gatewaySecret = (proxy: ProxyClass, name: string): ReadonlySignal<Resource | undefined> => cells({ proxy, name });

const cells = familyBy<Key, Resource | undefined>(
  ({ proxy, name }) => `${identityOf(proxy.view.mesh)} ${proxy.namespace} ${name}`,
  ({ proxy, name }, previous) => {
    const scheme = 'kubernetes://';
    if (!name.startsWith(scheme)) return undefined;
    const wanted = name.slice(scheme.length);
    const { object, content } = wanted.endsWith('-cacert') ? trustNamed(proxy, wanted) : certificateNamed(proxy, wanted);
    if (object === undefined) return undefined;
    return content && settle(previous, resource(SecretSchema, name, { name, type: content }, [cause(object)]));
  },
);

type Content = { case: 'tlsCertificate'; value: object } | { case: 'validationContext'; value: object };

interface Found {
  readonly object: ApiObject<Secret> | undefined;
  readonly content: Content | undefined;
}

function certificateNamed(proxy: ProxyClass, name: string): Found {
  const object = secretAt(proxy, name);
  return { object, content: object && certificateOf(object) };
}

/** `NAME-cacert` is a Secret of its own, or the trust inside NAME. */
function trustNamed(proxy: ProxyClass, name: string): Found {
  const object = secretAt(proxy, name) ?? secretAt(proxy, name.slice(0, -'-cacert'.length));
  return { object, content: trustOf(object) };
}

const secretAt = (proxy: ProxyClass, name: string): ApiObject<Secret> | undefined =>
  proxy.view.mesh.secret(proxy.namespace, name) as ApiObject<Secret> | undefined;

const inline = (bytes: Uint8Array) => ({ specifier: { case: 'inlineBytes' as const, value: bytes } });

/** A value of a Secret, from `data` (base64) or `stringData`, under the first key that is there. */
function value(object: ApiObject<Secret>, ...keys: readonly string[]): Uint8Array | undefined {
  for (const key of keys) {
    const plain = object.body.stringData?.[key];
    if (plain !== undefined) return Buffer.from(plain);
    const encoded = object.body.data?.[key];
    if (encoded !== undefined) return new Uint8Array(Buffer.from(encoded, 'base64'));
  }
  return undefined;
}

function certificateOf(object: ApiObject<Secret>): Content | undefined {
  const chain = value(object, 'tls.crt', 'cert');
  const key = value(object, 'tls.key', 'key');
  if (chain === undefined || key === undefined) return undefined;
  return { case: 'tlsCertificate', value: { certificateChain: inline(chain), privateKey: inline(key) } };
}

function trustOf(object: ApiObject<Secret> | undefined): Content | undefined {
  const roots = object && value(object, 'ca.crt', 'cacert');
  if (object === undefined || roots === undefined) return undefined;
  const crl = value(object, 'ca.crl', 'crl');
  return { case: 'validationContext', value: { trustedCa: inline(roots), ...(crl && { crl: inline(crl) }) } };
}
