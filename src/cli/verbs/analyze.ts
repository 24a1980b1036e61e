// lateen analyze: everything that is wrong or surely not meant in a mesh, from manifests alone or as it runs.

import type { AnalysisAnswer, AnalysisRequest } from '../../control/api/contract.ts';
import type { Severity } from '../../api/diagnostic.ts';
import { severities, type Finding, type Report } from '../analyze/report.ts';
import { printStructured } from '../structured.ts';
import { connect } from '../client.ts';
import { exitCode, usageFailure } from '../failure.ts';
import { defineVerb, files, oneOf, online, output, type OnlineOptions } from '../verb.ts';

interface Options extends OnlineOptions {
  readonly file?: readonly string[];
  readonly meshConfig?: string;
  readonly meshNetworks?: string;
  readonly clusterId: string;
  readonly remoteCluster?: readonly string[];
  readonly whole?: boolean;
  readonly suppress?: readonly string[];
  readonly severity: Severity;
  readonly failOn: Severity;
  readonly output: string;
}

export const verb = defineVerb<Options>({
  define: (command) =>
    online(
      files(
        command.argument('[path...]', 'the same as -f'),
        'manifests: files, folders, or - for standard input; without any: the running mesh',
      ),
    )
      .option('--mesh-config <file>', 'MeshConfig YAML over Istio’s defaults')
      .option('--mesh-networks <file>', 'MeshNetworks YAML: which addresses are on which network, and the gateways between them')
      .option('--cluster-id <id>', 'the name of the primary cluster', 'Kubernetes')
      .option('--remote-cluster <id=file...>', 'the Kubernetes objects of another cluster; can be given again')
      .option('--whole', 'the files are all of the mesh: what they lack is nowhere')
      .option('--suppress <code...>', 'not these: CODE, or CODE=KIND NAMESPACE/NAME with * for anything; can be given again')
      .option(
        '--severity <level>',
        'show findings from this level on: info, warning, error',
        oneOf('severity', severities),
        'info',
      )
      .option(
        '--fail-on <level>',
        'exit 1 when there is a finding of this level: info, warning, error',
        oneOf('severity', severities),
        'error',
      )
      .option(...output('text', 'json', 'yaml', 'sarif')),
  examples: [
    ['lateen analyze', 'what is wrong in the running mesh'],
    ['lateen analyze -f manifests/', 'a folder of manifests, with nothing running; exit 1 on any error'],
    ['lateen analyze -f manifests/ --whole --fail-on warning -o sarif', 'for a pipeline whose files are the whole mesh'],
    ["lateen analyze --suppress IST0118 --suppress 'IST0127=AuthorizationPolicy prod/*'", 'without what is known'],
  ],
  completes: ['files'],
  async run({ args, options, terminal }) {
    const { reaches } = await import('../analyze/report.ts');
    const paths = [...args, ...(options.file ?? [])];
    const report = paths.length > 0 ? await ofFiles(paths, options) : await ofMesh(options);
    const shown = report.findings.filter(({ severity }) => reaches(severity, options.severity));
    await print(report, shown);
    return report.findings.some(({ severity }) => reaches(severity, options.failOn)) ? exitCode.failed : exitCode.ok;

    async function print(whole: Report, findings: readonly Finding[]): Promise<void> {
      if (options.output === 'text') {
        terminal.line((await import('../analyze/text.ts')).reportText(whole, findings, terminal));
        return;
      }
      if (options.output === 'sarif') {
        const [{ sarif }, { version }] = await Promise.all([import('../analyze/sarif.ts'), import('../../control/version.ts')]);
        terminal.line(JSON.stringify(sarif(findings, version(), process.cwd()), null, 2));
        return;
      }
      const { findings: _all, ...rest } = whole;
      const value = { ...rest, diagnostics: findings };
      await printStructured(value, options.output === 'yaml' ? 'yaml' : 'json', terminal);
    }
  },
});

async function ofFiles(paths: readonly string[], options: Options): Promise<Report> {
  const [{ readFiles }, { analyze }, { suppressionOf }, { findingOf }] = await Promise.all([
    import('../analyze/read.ts'),
    import('../../explain/analyze/analyze.ts'),
    import('../../explain/analyze/suppression.ts'),
    import('../analyze/report.ts'),
  ]);
  const suppressions = (options.suppress ?? []).map((text) => {
    const suppression = suppressionOf(text);
    if (suppression === undefined)
      throw usageFailure(`--suppress ${text} is not understood`, 'write CODE, or CODE=KIND NAMESPACE/NAME');
    return suppression;
  });
  const { input, found, skipped } = readFiles(paths, options);
  const { diagnostics, suppressed, referencesChecked } = analyze(input, { found, suppressions });
  return { objects: input.objects.length, findings: diagnostics.map(findingOf), suppressed, skipped, referencesChecked };
}

async function ofMesh(options: Options): Promise<Report> {
  const request: AnalysisRequest = { suppress: options.suppress ?? [] };
  const { objects, diagnostics, suppressed } = await connect(options).post<AnalysisAnswer>('/v1/analysis', request);
  return { objects, findings: diagnostics as unknown as readonly Finding[], suppressed, skipped: [], referencesChecked: true };
}
