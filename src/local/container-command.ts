// What a container runs: the manifest's command and args over the image's, by Kubernetes' rules. Read by container.ts.

import type { Images, Program } from './images.ts';
import type { ContainerSpec } from './kubernetes.ts';

export interface Command {
  /** Program and arguments, `$(NAME)` filled in. */
  readonly argv: readonly string[];
  readonly workingDir?: string | undefined;
  /** What the image sets; the manifest's own variables win. */
  readonly imageEnv: Readonly<Record<string, string>>;
}

/** Undefined where the manifest gives no command and no rule knows the image. */
export function commandOf(
  container: ContainerSpec,
  images: Images,
  env: (imageEnv: Command['imageEnv']) => Environment,
): Command | undefined {
  const { command, args, image = '', workingDir } = container;
  const program = images(image);
  const own = command !== undefined && command.length > 0;
  if (!own && program === undefined) return undefined;
  const imageEnv = program?.env ?? {};
  const fill = (word: string) => expand(word, env(imageEnv));
  // A command takes the image's cmd away too; args alone keep the image's entrypoint.
  const argv = own
    ? provided([...command, ...(args ?? [])].map(fill), program)
    : [...(program?.command ?? []), ...(args !== undefined && args.length > 0 ? args.map(fill) : (program?.args ?? []))];
  return { argv, workingDir: workingDir ?? program?.workingDir, imageEnv };
}

/** The image's own program of that name, where the manifest names one that is inside the image. */
function provided(argv: readonly string[], program: Program | undefined): readonly string[] {
  const [name = '', ...args] = argv;
  return program?.provides?.[name]?.(args) ?? argv;
}

type Environment = Readonly<Record<string, string>>;

/** `$(NAME)` becomes the variable's value, `$$(NAME)` the text `$(NAME)`; an unknown name stays as it is. */
export const expand = (text: string, env: Environment): string =>
  text.replace(/\$\$|\$\(([A-Za-z_.][\w.-]*)\)/g, (whole, name: string | undefined) =>
    name === undefined ? '$' : (env[name] ?? whole),
  );
