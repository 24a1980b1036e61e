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
  readonly output: string;
}

export const verb = defineVerb<PlanOptions>({
  define: (command) =>
    online(files(command.argument('[path...]', 'the same as -f'), 'manifests: files, folders, or - for standard input'))
      .option('--delete', 'what their deletion would change')
      .option('--against <path...>', 'compare with these manifests, not with the running mesh')
      .option('--rev <revision>', 'compare with the same paths of a git revision')
      .option('--mesh-config <file>', 'MeshConfig YAML over Istio’s defaults')
      .option('--exit-code', 'exit 3 where a workload’s configuration changes')
      .option(...output('text', 'wide', 'json', 'yaml')),
  examples: [
    ['lateen plan -f reviews.yaml', 'what applying it would change in the running mesh'],
    ['lateen plan -f reviews.yaml --delete', 'what deleting it would change'],
    ['lateen plan -f manifests/ --rev main --exit-code', 'what a branch changes, for a pipeline, with nothing running'],
    ['lateen plan -f staging/ --against production/', 'how two folders differ'],
  ],
  completes: ['files'],
  async run({ args, options, terminal }) {
    const paths = [...args, ...(options.file ?? [])];
    if (paths.length === 0) throw usageFailure('no manifest given', 'name a file, a folder or - with -f');
    if (options.against !== undefined && options.rev !== undefined)
      throw usageFailure('--against and --rev are two different meshes to compare with', 'give one of them');
    const { planFiles } = await import('../plan/run.ts');
    return planFiles(paths, options, terminal);
  },
});
