// A pod's own fields by name, as `fieldRef` and downward-API volumes ask for them.

export interface FieldsOf {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly serviceAccount: string;
  readonly address: string;
}

/** The value at a path such as `metadata.labels['app']`; undefined for a path that Kubernetes does not offer. */
export function podField(pod: FieldsOf, path: string, nodeAddress: string): string | undefined {
  const entry = /^metadata\.(labels|annotations)\['(.+)'\]$/.exec(path);
  if (entry !== null) return pod[entry[1] as 'labels' | 'annotations'][entry[2] ?? ''] ?? '';
  switch (path) {
    case 'metadata.name':
      return pod.name;
    case 'metadata.namespace':
      return pod.namespace;
    case 'metadata.uid':
      return pod.uid;
    case 'metadata.labels':
      return lines(pod.labels);
    case 'metadata.annotations':
      return lines(pod.annotations);
    case 'spec.serviceAccountName':
      return pod.serviceAccount;
    case 'spec.nodeName':
      return 'local';
    case 'status.podIP':
    case 'status.podIPs':
      return pod.address;
    case 'status.hostIP':
    case 'status.hostIPs':
      return nodeAddress;
    default:
      return undefined;
  }
}

const lines = (values: Readonly<Record<string, string>>): string =>
  Object.entries(values)
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    .join('\n');
