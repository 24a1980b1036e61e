// lateen validate: checks manifests against every kind's schema and rules, and against each other, with nothing running. What it finds
// `lateen analyze` finds too, by the same code; that looks at the whole mesh besides, and takes what is missing for a mistake.

import { count, noteDiagnostics, readText } from '../diagnostics.ts';
import { exitCode, usageFailure } from '../failure.ts';
import { isStructured, printStructured } from '../structured.ts';
import { defineVerb, files, output } from '../verb.ts';

interface Options {
  readonly file?: readonly string[];
  readonly output: string;
  readonly strict?: boolean;
}

export const verb = defineVerb<Options>({
  define: (command) =>
    files(command, 'manifests: files, folders, or - for standard input')
      .option(...output('text', 'json', 'yaml'))
      .option('--strict', 'warnings fail too'),
  examples: [
    ['lateen validate -f manifests/', 'check a folder; exit 1 on any error'],
    ['lateen validate -f vs.yaml -o json', 'diagnostics for a program'],
  ],
  async run({ options, terminal }) {
    if (options.file === undefined) throw usageFailure('no manifest given', 'name a file, a folder or - with -f');
    const [{ loadFiles }, { decode }, { diagnosticJson, diagnosticText }, { wholeMesh }] = await Promise.all([
      import('../../sources/manifest.ts'),
      import('../../api/decode.ts'),
      import('../../api/diagnostic.ts'),
      import('../compile/whole-mesh.ts'),
    ]);
    const { objects, documents, diagnostics: ofEach } = loadFiles(options.file, decode);
    const { diagnostics: ofAll, referencesChecked } = wholeMesh(objects);
    const diagnostics = [...ofEach, ...ofAll];
    const counts = count(diagnostics);
    if (isStructured(options.output)) {
      const found = diagnostics.map(diagnosticJson);
      const report = { objects: documents, valid: objects.length, referencesChecked, diagnostics: found };
      await printStructured(report, options.output, terminal);
    } else {
      noteDiagnostics(
        terminal,
        diagnostics.map((diagnostic) => ({ severity: diagnostic.severity, text: diagnosticText(diagnostic) })),
      );
      if (!referencesChecked && objects.length > 0)
        terminal.note('references to hosts and gateways are not checked: no Service is among the files');
      terminal.line(readText(documents, counts));
    }
    return counts.error > 0 || (options.strict === true && counts.warning > 0) ? exitCode.failed : exitCode.ok;
  },
});
