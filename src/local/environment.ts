// A container's environment variables: what the manifest gives, plus PATH, HOME and HOSTNAME; never the host's own.

import { expand } from './container-command.ts';
import type { ContainerSpec, EnvFrom, EnvVar } from './kubernetes.ts';

/** What variables can refer to. Lookups answer undefined where the object, or the key in it, is not there. */
export interface EnvironmentSources {
  readonly configMap: (name: string) => Readonly<Record<string, string>> | undefined;
  readonly secret: (name: string) => Readonly<Record<string, string>> | undefined;
  /** A pod's field by its path: `metadata.name`, `status.podIP`, `metadata.labels['app']`. */
  readonly field: (path: string) => string | undefined;
}

export interface ResolvedEnvironment {
  readonly env: Readonly<Record<string, string>>;
  /** References to nothing, each with the path of its field within the container; the container cannot start while there are any. */
  readonly missing: readonly { readonly path: readonly (string | number)[]; readonly what: string }[];
}

/** `base` holds what the image and the platform set; the manifest wins, later entries over earlier ones. */
export function resolveEnvironment(
  container: Pick<ContainerSpec, 'env' | 'envFrom'>,
  sources: EnvironmentSources,
  base: Readonly<Record<string, string>>,
): ResolvedEnvironment {
  const env: Record<string, string> = { ...base };
  const missing: { path: (string | number)[]; what: string }[] = [];
  for (const [index, from] of (container.envFrom ?? []).entries()) {
    const found = wholeOf(from, sources);
    if (typeof found === 'string') missing.push({ path: ['envFrom', index], what: found });
    else for (const [key, value] of Object.entries(found)) env[`${from.prefix ?? ''}${key}`] = value;
  }
  for (const [index, variable] of (container.env ?? []).entries()) {
    const found = valueOf(variable, sources, env);
    if (found.missing !== undefined) missing.push({ path: ['env', index], what: found.missing });
    else if (found.value !== undefined) env[variable.name] = found.value;
  }
  return { env, missing };
}

function wholeOf(from: EnvFrom, sources: EnvironmentSources): Readonly<Record<string, string>> | string {
  const { configMapRef, secretRef } = from;
  const [kind, ref, find] =
    secretRef === undefined
      ? (['ConfigMap', configMapRef, sources.configMap] as const)
      : (['Secret', secretRef, sources.secret] as const);
  const found = ref?.name === undefined ? undefined : find(ref.name);
  if (found !== undefined) return found;
  return ref?.optional === true ? {} : `${kind} ${ref?.name ?? ''} is not there`;
}

function valueOf(
  { value, valueFrom }: EnvVar,
  sources: EnvironmentSources,
  env: Readonly<Record<string, string>>,
): { readonly value?: string; readonly missing?: string } {
  if (valueFrom === undefined) return { value: expand(value ?? '', env) };
  const { configMapKeyRef, secretKeyRef, fieldRef } = valueFrom;
  for (const [kind, ref, find] of [
    ['ConfigMap', configMapKeyRef, sources.configMap],
    ['Secret', secretKeyRef, sources.secret],
  ] as const) {
    if (ref === undefined) continue;
    const found = find(ref.name ?? '')?.[ref.key];
    if (found !== undefined) return { value: found };
    return ref.optional === true ? {} : { missing: `${kind} ${ref.name ?? ''} with key ${ref.key} is not there` };
  }
  if (fieldRef === undefined) return { value: '' };
  const found = sources.field(fieldRef.fieldPath);
  return found === undefined ? { missing: `field ${fieldRef.fieldPath} is not known` } : { value: found };
}
