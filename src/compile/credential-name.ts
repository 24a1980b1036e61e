// What a `credentialName` means to SDS: a bare name is a Kubernetes Secret's, other sources are named by their scheme. Read by tls.ts
// and the gateway's TLS; what such a name leads to is found by gateway/secret.ts.

const schemes = ['kubernetes://', 'kubernetes-gateway://', 'configmap://'] as const;

/** The workload's own certificate and the mesh's trust, in the place of a Secret's. */
const own = 'builtin://';

/** The SDS name of a credential's certificate. */
export const credentialSecret = (name: string): string =>
  name === own ? 'default' : isCredential(name) ? name : `kubernetes://${name}`;

/** The SDS name of a credential's trust: a name of its own, also where one Secret holds both. */
export function credentialTrust(name: string): string {
  if (name === own) return 'ROOTCA';
  const secret = credentialSecret(name);
  return secret.endsWith(trustSuffix) ? secret : `${secret}${trustSuffix}`;
}

export const trustSuffix = '-cacert';

/** Whether an SDS name is of something that the control plane reads for its proxy. */
export const isCredential = (name: string): boolean => schemes.some((scheme) => name.startsWith(scheme));

export interface Credential {
  readonly kind: 'Secret' | 'ConfigMap';
  readonly namespace: string;
  readonly name: string;
}

/** The object that an SDS name means to a proxy of a namespace; undefined where it means none. */
export function parseCredential(name: string, home: string): Credential | undefined {
  const scheme = schemes.find((each) => name.startsWith(each));
  if (scheme === undefined) return undefined;
  const [first = '', second, ...more] = name.slice(scheme.length).split('/');
  if (more.length > 0 || first === '' || second === '') return undefined;
  // Of the Gateway API's names the namespace is always a part.
  if (second === undefined && scheme === 'kubernetes-gateway://') return undefined;
  const kind = scheme === 'configmap://' ? 'ConfigMap' : 'Secret';
  return second === undefined ? { kind, namespace: home, name: first } : { kind, namespace: first, name: second };
}
