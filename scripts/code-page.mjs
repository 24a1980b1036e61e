// The pages docs/reference/codes/CODE.md, each from its entry in scripts/code-pages, and the table of Istio's codes that are not said.

import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { codeEntries, exampleFiles, exampleOutput } from '../test/support/code-example.ts';

/** The pages by their names in docs/reference. */
export function codePages({ generated, titles, said }) {
  return Object.fromEntries(
    codeEntries().map((entry) => [
      `codes/${entry.code}.md`,
      page(entry, titles.get(entry.code), { generated, said: said.get(entry.code) }),
    ]),
  );
}

const block = (language, text) => `\`\`\`${language}\n${text.trimEnd()}\n\`\`\``;

function page(entry, title, { generated, said }) {
  const { code, means, mend, when } = entry;
  const parts = [generated, `# ${code}: ${title}`, means.trim(), `## What to do`, mend.trim()];
  if (when !== undefined) parts.push('## When it is said', when.trim());
  else {
    const files = exampleFiles(entry);
    parts.push('## Example', ...files.flatMap(({ name, text }) => [`\`${name}\`:`, block('yaml', text)]));
    parts.push(
      block('console', `$ lateen analyze ${files.map(({ option }) => option).join(' ')} --whole\n${exampleOutput(entry)}`),
      `To hear no more of it: \`lateen analyze --suppress ${code}\`, or the annotation \`galley.istio.io/analyze-suppress: ${code}\` on the object.`,
    );
  }
  parts.push(
    `Said by: ${[...(said ?? [])]
      .toSorted((a, b) => (a < b ? -1 : 1))
      .map((room) => `\`src/${room}\``)
      .join(', ')}. [All codes](../codes.md)`,
  );
  return `${parts.join('\n\n')}\n`;
}

/** Istio's codes that are not said: code, name and reason. */
export function istioCodes() {
  const text = readFileSync(new URL('istio-codes.yaml', import.meta.url), 'utf8');
  return Object.entries(parse(text)).map(([code, { name, why }]) => ({ code, name, why }));
}
