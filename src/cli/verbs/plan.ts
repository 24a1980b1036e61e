// lateen plan: what manifests would change, workload by workload, before they are applied.

import { usageFailure } from '../failure.ts';
import { defineVerb, files, online, output, type OnlineOptions } from '../verb.ts';

export interface PlanOptions extends OnlineOptions {
  readonly file?: readonly string[];
  readonly delete?: boolean;
  readonly against?: readonly string[];
  readonly rev?: string;
  readonly meshConfig?: string;
  readonly exitCode?: boolean;
  /** A file, or `true`: the running mesh's records. */
  readonly replay?: string | boolean;
  readonly since?: string;
  readonly examples?: string;
  readonly output: string;
}

export const verb = defineVerb<PlanOptions>({
  define: (command) =>
    online(files(command.argument('[path...]', 'the same as -f'), 'manifests: files, folders, or - for standard input'))
      .option('--delete', 'what their deletion would change')
      .option('--against <path...>', 'compare with these manifests, not with the running mesh')
      .option('--rev <revision>', 'compare with the same paths of a git revision')
      .option('--mesh-config <file>', 'MeshConfig YAML over Istio’s defaults; of the running mesh: what it would be started with')
      .option(
        '--replay [file]',
        'ask recorded requests again: those of the running mesh, or of a file that lateen requests wrote',
      )
      .option('--since <duration>', 'with --replay: only requests of the last 10m, 1h, …')
      .option('--examples <count>', 'with --replay: how many to show of each difference (default: 3; in json and yaml all)')
      .option('--exit-code', 'exit 3 where a workload’s configuration changes')
      .option(...output('text', 'wide', 'json', 'yaml')),
  examples: [
    ['lateen plan -f reviews.yaml', 'what applying it would change in the running mesh'],
    ['lateen plan -f reviews.yaml --delete', 'what deleting it would change'],
    ['lateen plan -f reviews.yaml --replay', 'which recorded requests it would have answered differently'],
    ['lateen plan -f manifests/ --rev main --exit-code', 'what a branch changes, for a pipeline, with nothing running'],
    ['lateen plan -f staging/ --against production/', 'how two folders differ'],
  ],
  completes: ['files'],
  async run({ args, options, terminal }) {
    const paths = [...args, ...(options.file ?? [])];
    if (paths.length === 0) throw usageFailure('no manifest given', 'name a file, a folder or - with -f');
    if (options.against !== undefined && options.rev !== undefined)
      throw usageFailure('--against and --rev are two different meshes to compare with', 'give one of them');
    if (options.replay === undefined && (options.since !== undefined || options.examples !== undefined))
      throw usageFailure('--since and --examples are about a replay', 'add --replay');
    if (options.examples !== undefined && !/^\d{1,6}$/.test(options.examples))
      throw usageFailure(`--examples ${options.examples} is not a number of requests`);
    const { planFiles } = await import('../plan/run.ts');
    return planFiles(paths, options, terminal);
  },
});
