// lateen test: requests and what must become of them, checked against manifests with nothing running.

import { defineVerb, files, output } from '../verb.ts';

export interface TestOptions {
  readonly file?: readonly string[];
  readonly meshConfig?: string;
  readonly coverage?: boolean;
  readonly verbose?: boolean;
  readonly output: string;
}

export const verb = defineVerb<TestOptions>({
  define: (command) =>
    files(
      command.argument('[path...]', 'test files, and folders with *.test.yaml in them (default: this folder)'),
      'the manifests that are tested (default: those beside the tests)',
    )
      .option('--mesh-config <file>', 'MeshConfig YAML over Istio’s defaults')
      .option('--coverage', 'name the rules that no test went through')
      .option('-v, --verbose', 'name the tests that pass, too')
      .option(...output('text', 'json', 'yaml', 'junit')),
  examples: [
    ['lateen test', 'every test of this folder, of the manifests beside it'],
    ['lateen test tests/ -f manifests/ --coverage', 'tests in a folder of their own'],
    ['lateen test -o junit > results.xml', 'for a pipeline; exit 1 when a test fails'],
  ],
  completes: ['files'],
  async run({ args, options, terminal }) {
    const { runTests } = await import('../test/run.ts');
    return runTests(args.length === 0 ? ['.'] : args, options, terminal);
  },
});
