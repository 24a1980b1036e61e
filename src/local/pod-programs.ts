// How a pod's containers become processes: their commands, environment, users and volumes, or why one cannot start. Used by pod.ts.

import { createHash } from 'node:crypto';
import type { Diagnostic } from '../api/diagnostic.ts';
import type { ApiObject, Path } from '../api/object.ts';
import type { Ran } from '../node/redirect/apply.ts';
import { proxyUser } from '../node/redirect/capture-options.ts';
import { nodeAddress } from './addresses.ts';
import { run } from './command.ts';
import type { Launched, Refusal } from './container.ts';
import { commandOf, type Command } from './container-command.ts';
import { asText, entriesOf } from './data.ts';
import { resolveEnvironment, type ResolvedEnvironment } from './environment.ts';
import { bodyOf, type ContainerSpec, type PodBody, type PodSpec, type Volume } from './kubernetes.ts';
import type { LogFile } from './log-file.ts';
import { podField } from './pod-fields.ts';
import type { PodHost } from './pod-host.ts';
import type { PodNamespace } from './pod-namespace.ts';
import { confined, ContainerProcess, type RunSpec } from './process.ts';
import { findProgram } from './tools.ts';
import { mountsOf, volumeContents, writeVolume, type VolumeContents } from './volumes.ts';

type Report = (severity: Diagnostic['severity'], code: Diagnostic['code'], path: Path, message: string, help: string) => void;

export interface PodIdentity {
  readonly object: ApiObject;
  readonly uid: string;
  readonly address: string;
  /** The pod's files, in the sandbox's memory. */
  readonly folder: string;
  readonly volumes: readonly Volume[];
  readonly report: Report;
}

export class PodPrograms {
  readonly #host: PodHost;
  readonly #namespace: PodNamespace;
  readonly #pod: PodIdentity;
  readonly #spec: PodSpec;
  /** A hash of what stands in each volume. */
  readonly #written = new Map<string, string>();

  constructor(host: PodHost, namespace: PodNamespace, pod: PodIdentity) {
    this.#host = host;
    this.#namespace = namespace;
    this.#pod = pod;
    this.#spec = bodyOf<PodBody>(pod.object).spec;
  }

  get serviceAccount(): string {
    return this.#spec.serviceAccountName ?? this.#spec.serviceAccount ?? 'default';
  }

  /** Starts a container's program, or says why it cannot be. `path` is the container's place in the pod's spec. */
  launch(spec: ContainerSpec, path: Path, openLog: () => LogFile): Launched | Refusal {
    const command = this.#command(spec);
    if (command === undefined) {
      const message = `no program is known for image ${spec.image ?? '(none)'}`;
      this.#pod.report(
        'error',
        'LAT2003',
        [...path, 'image'],
        message,
        'name one with --images FILE, or give the container a command',
      );
      return { reason: 'ErrImagePull', message };
    }
    const { env, missing } = this.#environment(spec, command.imageEnv);
    const [gap = this.#missingVolume(spec)] = missing;
    if (gap !== undefined) {
      this.#pod.report('error', 'LAT2006', [...path, ...gap.path], gap.what, 'create it, or mark the reference optional');
      return { reason: 'CreateContainerConfigError', message: gap.what };
    }
    const mounts = mountsOf(spec, this.#pod.volumes, this.volumeFolder, (name) => this.#contents(name).readOnly);
    const [program = ''] = command.argv;
    // What a volume brings is not there before it is mounted.
    const brought = mounts.some(({ target }) => program.startsWith(`${target}/`));
    if (!brought && findProgram(program, env['PATH'] ?? '', command.workingDir) === undefined) {
      const message = `program ${program} is not on this machine`;
      const field = spec.command === undefined ? 'image' : 'command';
      this.#pod.report('error', 'LAT2007', [...path, field], message, 'install it, or name another with --images FILE');
      return { reason: 'RunContainerError', message };
    }
    const log = openLog();
    const process = new ContainerProcess(
      this.#host.tools,
      this.#namespace,
      {
        argv: command.argv,
        env,
        workingDir: command.workingDir ?? '/',
        user: this.#user(spec),
        mounts,
        scratch: `${this.#pod.folder}/overlays/${spec.name}`,
      },
      log,
    );
    void this.#tellFailedMounts(process, spec, path);
    return { process, log };
  }

  /** Runs a command with a container's environment, user and rights, where `enter` leads. */
  exec(spec: ContainerSpec, enter: readonly string[], command: readonly string[], timeoutMs: number): Promise<Ran> {
    const argv = [...enter, ...confined(this.#host.tools, this.#user(spec), command)];
    return run(argv, { env: this.environment(spec.name), timeoutMs });
  }

  /** The environment of a container as it would start now. */
  environment(name: string): Readonly<Record<string, string>> {
    const container = this.#specOf(name);
    return this.#environment(container, this.#command(container)?.imageEnv ?? {}).env;
  }

  /** The user that a container's programs run as; undefined for the platform's own. */
  userOf(name: string): RunSpec['user'] {
    return this.#user(this.#specOf(name));
  }

  /** Words that make what follows them run as Istio's proxy user, where users are real. */
  asProxyUser(): string[] {
    const { root, tools } = this.#host;
    const { uid, gid } = proxyUser;
    return root ? [tools.setpriv, '--reuid', String(uid), '--regid', String(gid), '--clear-groups', '--'] : [];
  }

  /** Makes the volumes, and brings those up to date whose ConfigMap or Secret has changed. */
  fillVolumes(): void {
    for (const { name } of this.#pod.volumes) {
      const contents = this.#contents(name);
      const hash = hashOf(contents);
      if (this.#written.get(name) === hash) continue;
      this.#written.set(name, hash);
      writeVolume(this.volumeFolder(name), contents);
    }
  }

  readonly volumeFolder = (name: string): string => `${this.#pod.folder}/volumes/${name}`;

  #specOf(name: string): ContainerSpec {
    return [...(this.#spec.initContainers ?? []), ...this.#spec.containers].find((each) => each.name === name) ?? { name };
  }

  #command(spec: ContainerSpec): Command | undefined {
    return commandOf(spec, this.#host.images, (imageEnv) => this.#environment(spec, imageEnv).env);
  }

  #environment(spec: ContainerSpec, imageEnv: Readonly<Record<string, string>>): ResolvedEnvironment {
    const { objects, path } = this.#host;
    const { namespace, name } = this.#pod.object.metadata;
    return resolveEnvironment(
      spec,
      {
        configMap: (map) => asText(entriesOf(objects, 'ConfigMap', namespace, map)),
        secret: (secret) => asText(entriesOf(objects, 'Secret', namespace, secret)),
        field: this.#field,
      },
      { PATH: path, HOME: '/', HOSTNAME: this.#spec.hostname ?? name, ...imageEnv },
    );
  }

  #field = (path: string): string | undefined => {
    const { object, uid, address } = this.#pod;
    return podField({ ...object.metadata, uid, address, serviceAccount: this.serviceAccount }, path, nodeAddress);
  };

  #user({ securityContext }: ContainerSpec): RunSpec['user'] {
    const ofPod = this.#spec.securityContext;
    const uid = securityContext?.runAsUser ?? ofPod?.runAsUser;
    if (!this.#host.root || uid === undefined) return undefined;
    return { uid, gid: securityContext?.runAsGroup ?? ofPod?.runAsGroup ?? uid };
  }

  #contents(name: string): VolumeContents {
    const { objects } = this.#host;
    const { namespace } = this.#pod.object.metadata;
    const volume = this.#pod.volumes.find((each) => each.name === name);
    return volumeContents(volume ?? {}, {
      configMap: (map) => entriesOf(objects, 'ConfigMap', namespace, map),
      secret: (secret) => entriesOf(objects, 'Secret', namespace, secret),
      field: this.#field,
    });
  }

  #missingVolume({ volumeMounts = [] }: ContainerSpec): { readonly path: Path; readonly what: string } | undefined {
    for (const [index, { name }] of volumeMounts.entries()) {
      const { missing } = this.#contents(name);
      if (missing !== undefined) return { path: ['volumeMounts', index], what: missing };
    }
    return undefined;
  }

  async #tellFailedMounts(process: ContainerProcess, { volumeMounts = [] }: ContainerSpec, path: Path): Promise<void> {
    for (const index of await process.begun) {
      const message = `${volumeMounts[index]?.mountPath ?? ''} cannot be mounted here`;
      const at = [...path, 'volumeMounts', index, 'mountPath'];
      this.#pod.report('warning', 'LAT2008', at, message, 'use a folder that exists, or one inside such a folder');
    }
  }
}

function hashOf({ files, missing }: VolumeContents): string {
  const hash = createHash('sha256').update(missing ?? '');
  for (const [name, bytes] of files) hash.update(`${name}\0${bytes.length}\0`).update(bytes);
  return hash.digest('base64');
}
