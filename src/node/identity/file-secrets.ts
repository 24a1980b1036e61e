// Secrets whose names say files: read when a workload's Envoy asks for them, looked at again while it does. Served by sds.ts.

import { open } from 'node:fs/promises';
import { signal, type ReadonlySignal, type Signal } from '@preact/signals-core';
import { certificateFrom, rootsFrom, SecretFileError, stampOf, textOf, type NamedText, type OpenFile } from './secret-file.ts';
import type { ServedSecret } from './served-secret.ts';

/** A secret that is not what it should be. Told once for each reason. */
export interface SecretTrouble {
  /** The secret's name in configuration, such as `file-root:/etc/certs/ca.pem`. */
  readonly name: string;
  /** One sentence with the secret's name and the file's path. */
  readonly message: string;
  /** What to do, in one clause. */
  readonly help: string;
}

export interface FileSecretsOptions {
  /** For files that configuration names; `file-root:system` is read from this machine itself. */
  readonly open: OpenFile;
  readonly onTrouble: (trouble: SecretTrouble) => void;
  /** Where this machine keeps the authorities that it trusts: the first that is there counts. */
  readonly systemRoots?: readonly string[];
  /** How long until a file is looked at again; default two seconds. */
  readonly lookEveryMs?: number;
}

/** Debian and Alpine, then Fedora and its kin, openSUSE, older ones, the BSDs' place. */
const systemRootFiles = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
  '/etc/ssl/ca-bundle.pem',
  '/etc/pki/tls/cacert.pem',
  '/etc/ssl/cert.pem',
] as const;

/** Secrets that one workload may have followed at a time; more stay unanswered. */
const mostSecrets = 200;

/** One workload's file secrets. */
export class FileSecrets {
  readonly #options: FileSecretsOptions;
  /** Those that are asked for now. */
  readonly #watched = new Map<string, Signal<ServedSecret | undefined>>();

  constructor(options: FileSecretsOptions) {
    this.#options = options;
  }

  /** Whether a name is one of files, whatever may be in them. */
  serves(name: string): boolean {
    return sourceOf(name, this.#options) !== undefined;
  }

  /**
   * The secret of such a name: undefined until its files have been read, then the last that was good. Files are read from the
   * moment that an effect reads this until none does.
   */
  secret(name: string): ReadonlySignal<ServedSecret | undefined> {
    const watched = this.#watched.get(name);
    if (watched !== undefined) return watched;
    const source = sourceOf(name, this.#options);
    let following: Following | undefined;
    const cell: Signal<ServedSecret | undefined> = signal(undefined, {
      watched: () => {
        if (source === undefined || this.#watched.size >= mostSecrets) return;
        this.#watched.set(name, cell);
        following = new Following(name, source, this.#options, cell);
      },
      unwatched: () => {
        following?.[Symbol.dispose]();
        if (this.#watched.get(name) === cell) this.#watched.delete(name);
      },
    });
    return cell;
  }
}

/** Where a secret comes from, and how its files become it. */
interface Source {
  readonly open: () => Promise<readonly SourceFile[]>;
  /** As many as were opened. */
  readonly make: (texts: readonly NamedText[]) => ServedSecret;
}

interface SourceFile extends AsyncDisposable {
  readonly path: string;
  readonly stamp: string;
  text(): Promise<string>;
}

function sourceOf(name: string, { open: openFile, systemRoots = systemRootFiles }: FileSecretsOptions): Source | undefined {
  const named = (path: string) => () => openSource(openFile, path);
  const [, root, list] = /^file-root:(system|\/\P{Cc}*?)(?:~(\/\P{Cc}*))?$/u.exec(name) ?? [];
  if (root !== undefined) {
    const roots = root === 'system' ? () => openSystemRoots(systemRoots) : named(root);
    return {
      open: () => openAll(list === undefined ? [roots] : [roots, named(list)]),
      make: ([first = noText, second]) => rootsFrom(name, first, second),
    };
  }
  const [, chain, key] = /^file-cert:(\/[^~\p{Cc}]*)~(\/[^~\p{Cc}]*)$/u.exec(name) ?? [];
  if (chain === undefined || key === undefined) return undefined;
  return {
    open: () => openAll([named(chain), named(key)]),
    make: ([first = noText, second = noText]) => certificateFrom(name, first, second),
  };
}

const noText: NamedText = { path: '', text: '' };

/** All of them, or none stays open. */
async function openAll(each: readonly (() => Promise<SourceFile>)[]): Promise<readonly SourceFile[]> {
  await using opened = new AsyncDisposableStack();
  const files: SourceFile[] = [];
  for (const open of each) files.push(opened.use(await open()));
  opened.move();
  return files;
}

async function openSource(openFile: OpenFile, path: string): Promise<SourceFile> {
  const file = await openFile(path).catch((cause: unknown) => {
    if (cause instanceof SecretFileError) throw cause;
    throw new SecretFileError(`${path} cannot be opened: ${cause instanceof Error ? cause.message : String(cause)}`, mountIt, {
      cause,
    });
  });
  try {
    const stamp = await stampOf(file, path);
    return { path, stamp, text: () => textOf(file, path), [Symbol.asyncDispose]: () => file.close() };
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function openSystemRoots(paths: readonly string[]): Promise<SourceFile> {
  for (const path of paths) {
    try {
      return await openSource((file) => open(file), path);
    } catch {
      // Another system keeps them elsewhere.
    }
  }
  throw new SecretFileError(
    `this machine has no list of trusted authorities: none of ${paths.join(', ')} can be read`,
    "install the system's ca-certificates, or name a file with caCertificates",
  );
}

const mountIt = 'mount the file into the pod, or correct the path';

/** Looks at a secret's files again and again. */
class Following implements Disposable {
  readonly #name: string;
  readonly #source: Source;
  readonly #options: FileSecretsOptions;
  readonly #cell: Signal<ServedSecret | undefined>;
  #timer: NodeJS.Timeout | undefined;
  #ended = false;
  /** The files as they were read last, and what was wrong with them then. */
  #read: { readonly stamp: string; readonly error: unknown } | undefined;
  /** What was wrong at the last look, and whether that was told. */
  #trouble = { message: '', told: false };

  constructor(name: string, source: Source, options: FileSecretsOptions, cell: Signal<ServedSecret | undefined>) {
    this.#name = name;
    this.#source = source;
    this.#options = options;
    this.#cell = cell;
    void this.#look();
  }

  [Symbol.dispose](): void {
    this.#ended = true;
    clearTimeout(this.#timer);
  }

  /** Never rejects: whatever goes wrong is trouble with the secret. */
  async #look(): Promise<void> {
    try {
      const secret = await this.#changed();
      if (this.#ended) return;
      if (secret !== undefined && secret.version !== this.#cell.peek()?.version) this.#cell.value = secret;
      this.#trouble = { message: '', told: false };
    } catch (error) {
      if (this.#ended) return;
      this.#tell(error);
    }
    this.#timer = setTimeout(() => void this.#look(), this.#options.lookEveryMs ?? 2000).unref();
  }

  /** The secret, where its files are not as they were; throws what is wrong with them, also when they are as they were. */
  async #changed(): Promise<ServedSecret | undefined> {
    await using open = new AsyncDisposableStack();
    const files = await this.#source.open();
    for (const file of files) open.use(file);
    const stamp = files.map((file) => `${file.path} ${file.stamp}`).join('\n');
    if (stamp === this.#read?.stamp) {
      if (this.#read.error !== undefined) throw this.#read.error;
      return undefined;
    }
    const texts: NamedText[] = [];
    for (const file of files) texts.push({ path: file.path, text: await file.text() });
    try {
      const secret = this.#source.make(texts);
      this.#read = { stamp, error: undefined };
      return secret;
    } catch (error) {
      this.#read = { stamp, error };
      throw error;
    }
  }

  /** Tells what is wrong once it is so for a second time: the first look may have come while somebody was writing. */
  #tell(error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    const again = reason === this.#trouble.message;
    if (!again) this.#trouble = { message: reason, told: false };
    if (!again || this.#trouble.told) return;
    this.#trouble.told = true;
    const kept = this.#cell.peek() === undefined ? 'what needs it cannot connect' : 'the last good one is kept';
    this.#options.onTrouble({
      name: this.#name,
      message: `secret ${this.#name}: ${reason}; ${kept}`,
      help: error instanceof SecretFileError ? error.help : mountIt,
    });
  }
}
