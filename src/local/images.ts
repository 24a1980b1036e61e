// Image names as names for programs: the samples' upstream images are built in, `--images FILE` adds others. Read by container-command.ts.

import { readFileSync } from 'node:fs';
import { matchesGlob } from 'node:path';
import { LineCounter, parseDocument } from 'yaml';
import type { Diagnostic } from '../api/diagnostic.ts';

/** What an image runs when the manifest says nothing else: an image's entrypoint, cmd, env and working directory. */
export interface Program {
  readonly command: readonly string[];
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly workingDir?: string;
  /** Programs inside the image that manifests name in `command`, by name: what runs for them with some arguments. */
  readonly provides?: Readonly<Record<string, (args: readonly string[]) => readonly string[]>>;
}

export interface ImageRule {
  /** An image's name, or a glob over it, without registry, tag and digest. */
  readonly pattern: string;
  readonly program: Program;
}

/** Finds the program for an image; undefined where no rule knows it. */
export type Images = (image: string) => Program | undefined;

/** Where the samples' programs and the Node that runs them stand, as containers see them. */
export interface SampleHome {
  readonly node: string;
  /** The folder of the sample programs. */
  readonly programs: string;
}

/** `docker.io/istio/examples-bookinfo-reviews-v2:1.20.3` → `istio/examples-bookinfo-reviews-v2`. */
export function imageName(image: string): string {
  const untagged = (image.split('@')[0] ?? '').replace(/:[^/:]*$/, '');
  const parts = untagged.split('/');
  const [first = ''] = parts;
  const registry = parts.length > 1 && (first.includes('.') || first.includes(':') || first === 'localhost');
  return (registry ? parts.slice(1) : parts).join('/');
}

/** A person's own rules, in order, before the built-in ones. */
export const imagesOf =
  (rules: readonly ImageRule[], builtIn: Images): Images =>
  (image) => {
    const name = imageName(image);
    const rule = rules.find(({ pattern }) => pattern === image || imageName(pattern) === name || matchesGlob(name, pattern));
    return rule?.program ?? builtIn(image);
  };

/** The samples' images, under whatever registry or mirror. Upstream bakes a version into each image; here it is a variable. */
export const builtInImages =
  ({ node, programs }: SampleHome): Images =>
  (image) => {
    const name = imageName(image);
    const sample = (program: string, env: Record<string, string> = {}): Program => ({
      command: [node, `${programs}/${program}.ts`],
      env,
    });
    const versioned = /(?:^|\/)examples-(?:bookinfo-)?(productpage|details|reviews|ratings|helloworld)-([^/]+)$/.exec(name);
    if (versioned !== null) return sample(versioned[1] ?? '', { SERVICE_VERSION: versioned[2] ?? 'v1' });
    switch (name.split('/').slice(-2).join('/')) {
      case 'istio/tcp-echo-server':
        return sample('tcp-echo');
      case 'mccutchen/go-httpbin':
        return sample('httpbin', { PORT: '8080' });
      case 'kennethreitz/httpbin':
      case 'kong/httpbin':
        return {
          ...sample('httpbin', { PORT: '80' }),
          provides: { gunicorn: (args) => httpbinByGunicorn(node, programs, args) },
        };
      case 'curlimages/curl':
        return { command: ['curl'] };
      default:
        return undefined;
    }
  };

/** Manifests start the Python httpbin by its web server: `gunicorn -b 0.0.0.0:80 httpbin:app`. Only the port matters here. */
function httpbinByGunicorn(node: string, programs: string, args: readonly string[]): readonly string[] {
  const bind = args[args.findIndex((word) => word === '-b' || word === '--bind') + 1] ?? '';
  return [node, `${programs}/httpbin.ts`, '-port', /:(\d+)$/.exec(bind)?.[1] ?? '8000'];
}

export interface ImagesFile {
  readonly rules: readonly ImageRule[];
  readonly diagnostics: readonly Diagnostic[];
}

/** Reads `--images FILE`: `image-or-glob: {command: [...], args, env, workingDir}`. What is wrong is left out and told. */
export function readImagesFile(file: string): ImagesFile {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    return { rules: [], diagnostics: [wrong(file, [], `cannot be read: ${(error as Error).message}`)] };
  }
  return parseImages(text, file);
}

export function parseImages(text: string, file: string): ImagesFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const [broken] = document.errors;
  if (broken !== undefined) {
    const { line, col } = lines.linePos(broken.pos[0]);
    return { rules: [], diagnostics: [{ ...wrong(file, [], broken.message.split('\n')[0] ?? ''), line, column: col }] };
  }
  const value: unknown = document.toJS();
  if (value === null) return { rules: [], diagnostics: [] };
  if (!isRecord(value)) return { rules: [], diagnostics: [wrong(file, [], 'must be a mapping from image names to programs')] };
  const rules: ImageRule[] = [];
  const diagnostics: Diagnostic[] = [];
  for (const [pattern, entry] of Object.entries(value)) {
    const program = programOf(entry);
    if (typeof program !== 'string') rules.push({ pattern, program });
    else {
      const node = document.get(pattern, true) as { range?: readonly number[] } | undefined;
      const at = node?.range?.[0] === undefined ? undefined : lines.linePos(node.range[0]);
      diagnostics.push({ ...wrong(file, [pattern], program), ...(at && { line: at.line, column: at.col }) });
    }
  }
  return { rules, diagnostics };
}

/** The program, or what is wrong with it. */
function programOf(entry: unknown): Program | string {
  if (!isRecord(entry)) return 'must be {command: [...], args, env, workingDir}';
  const { command, args, env, workingDir, ...unknown } = entry;
  const [extra] = Object.keys(unknown);
  if (extra !== undefined) return `unknown field ${extra}`;
  if (!isTexts(command) || command.length === 0) return 'command must be a list of words with at least one';
  if (args !== undefined && !isTexts(args)) return 'args must be a list of words';
  if (workingDir !== undefined && typeof workingDir !== 'string') return 'workingDir must be a path';
  if (env !== undefined && !isRecord(env)) return 'env must be a mapping from names to values';
  return {
    command,
    ...(args && { args }),
    ...(workingDir !== undefined && { workingDir }),
    ...(env && { env: Object.fromEntries(Object.entries(env).map(([name, value]) => [name, String(value)])) }),
  };
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  value !== null && typeof value === 'object' && !Array.isArray(value);

const isTexts = (value: unknown): value is string[] => Array.isArray(value) && value.every((word) => typeof word === 'string');

const wrong = (file: string, path: readonly string[], message: string): Diagnostic => ({
  code: 'LAT2001',
  severity: 'error',
  path,
  message: `${file}: ${message}`,
  help: 'write `image-name: {command: [program, argument]}`, one image a line',
  file,
});
