// Writes docs/reference/ from the code: kinds, fields of the networking API, message codes, command line. `--check` only says which pages are out of date.

import { spawnSync } from 'node:child_process';
import { globSync, mkdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { codePages, istioCodes } from './code-page.mjs';
import { fieldStates, networkingPage } from './networking-page.mjs';

export { neverInEffect } from './networking-page.mjs';

const root = resolve(new URL('.', import.meta.url).pathname, '..');
const folder = join(root, 'docs/reference');

/** The pages by file name. */
export async function pages() {
  return {
    'kinds.md': await kindsPage(),
    'codes.md': await codesPage(),
    'cli.md': await cliPage(),
    'networking.md': await fieldsPage(),
    ...codePages({ generated, titles: await codeTitles(), said: codesInSource() }),
  };
}

/** Names of pages whose file says something else. */
export async function outdated() {
  const wanted = await pages();
  return [...Object.keys(wanted), ...globSync('codes/*.md', { cwd: folder }).filter((name) => !(name in wanted))].filter(
    (name) => textOf(join(folder, name)) !== wanted[name],
  );
}

function textOf(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

const generated = '<!-- Written by `npm run docs`; do not edit. -->';
const source = (path) => import(new URL(`../src/${path}`, import.meta.url).href);
const cell = (text) => String(text).replaceAll('|', '\\|').replaceAll('\n', ' ');
const code = (text) => `\`${cell(text)}\``;
const byText = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
const row = (cells) => `| ${cells.join(' | ')} |`;
const table = (head, rows) => [row(head), row(head.map(() => '---')), ...rows.map(row)].join('\n');

async function kindsPage() {
  const { kinds } = await source('api/index.ts');
  const groups = Map.groupBy(kinds, ({ group }) => group);
  const sections = [...groups].map(([group, members]) => {
    const rows = members.map(({ kind, versions, plural, shortNames, scope, columns, inEffect }) => [
      kind,
      versions.join(', '),
      [plural, ...shortNames].map(code).join(', '),
      scope,
      columns.map(({ name, wide }) => (wide ? `${name} (wide)` : name)).join(', ') || 'none of its own',
      inEffect ? 'yes' : 'not yet',
    ]);
    return `## ${group === '' ? 'Kubernetes core' : group}\n\n${table(['kind', 'versions', 'words', 'scope', 'columns of `get`', 'in effect'], rows)}`;
  });
  return `${generated}

# Kinds

Every kind that Lateen reads. All are checked to the last field, stored and listed. A kind that is "not yet" in effect changes nothing in any
proxy; each such object says so with \`LAT0001\`. A kind in effect may have fields that are not: those are in the guide on [what is in effect](../guides/in-effect.md).

The storage version comes first. The words are those that \`get\` and \`delete\` take, besides the kind itself and \`WORD.GROUP\`; where two kinds share a
word it means the first of them on this page.

${sections.join('\n\n')}
`;
}

const fieldsPage = async () => networkingPage({ generated, table, ...(await networkingApi()) });

/** Every field of the networking API with its state and its golden cases, by kind. */
export const networkingFields = async () => fieldStates(await networkingApi());

async function networkingApi() {
  const [{ kinds }, { kindId }, { MeshFields }, { unreadFields }, { idleFields }, { goldenCases }] = await Promise.all([
    source('api/index.ts'),
    source('api/kind.ts'),
    source('api/shared/mesh-fields.ts'),
    source('api/unread-fields.ts'),
    source('api/idle-fields.ts'),
    source('../test/support/golden-case.ts'),
  ]);
  const cases = goldenCases();
  const documents = (wanted) => cases.flatMap(({ name, given }) => given.input.filter(wanted).map((body) => ({ name, body })));
  const networking = kinds
    .filter(({ group }) => group === 'networking.istio.io')
    .map(({ group, kind, schema, inEffect }) => ({
      id: kindId(group, kind),
      kind,
      schema,
      inEffect,
      documents: documents((each) => each.kind === kind && each.apiVersion.startsWith(`${group}/`)),
    }));
  const mesh = {
    id: 'MeshConfig',
    kind: 'MeshConfig',
    schema: MeshFields,
    inEffect: true,
    documents: cases.flatMap(({ name, given }) => (given.meshConfig === undefined ? [] : [{ name, body: given.meshConfig }])),
  };
  return { kinds: [...networking, mesh], unread: unreadFields, idle: idleFields };
}

async function codesPage() {
  const titles = await codeTitles();
  const said = codesInSource();
  const rows = [...titles]
    .sort(([a], [b]) => byText(a, b))
    .map(([name, title]) => [
      `[${name}](codes/${name}.md)`,
      cell(title),
      [...(said.get(name) ?? [])].toSorted(byText).map(code).join(', '),
    ]);
  return `${generated}

# Codes

Every message about a manifest, and every error of the machinery, have a code that stays the same when the words change. \`LAT\` codes are Lateen's; \`IST\` codes are Istio's,
used where the meaning is the same. The message itself names the object and field, the file, line and column, and what to do.

An error leaves the object out, or keeps its last good form. A warning says that an object does not do all it says. A note (info) says what is worth knowing. The last column is the room of
\`src/\` that says it. Each code has a page with an example and with what to do.

${table(['code', 'meaning', 'said by'], rows)}

## Codes of Istio's that are not said

${table(
  ['code', 'name', 'why'],
  istioCodes().map(({ code: name, name: word, why }) => [code(name), word, cell(why)]),
)}
`;
}

/** Every code with its title. */
export async function codeTitles() {
  const { codes } = await source('api/codes.ts');
  return new Map(Object.entries(codes));
}

/** The codes that program text outside tests mentions as values, with the rooms that do. */
export function codesInSource() {
  const rooms = new Map();
  for (const path of globSync('src/**/*.ts', { cwd: root })) {
    if (path.endsWith('.test.ts') || path === 'src/api/codes.ts') continue;
    for (const [, name] of readFileSync(join(root, path), 'utf8').matchAll(/'((?:LAT|IST)\d{4})'/g)) {
      const known = rooms.get(name) ?? new Set();
      rooms.set(name, known.add(path.split('/')[1]));
    }
  }
  return rooms;
}

async function cliPage() {
  const [{ wholeTree }, { verbs: entries }] = await Promise.all([source('cli/program.ts'), source('cli/verbs/index.ts')]);
  const { root: tree, verbs } = await wholeTree();
  const sections = entries.map(({ name, summary }) => {
    const command = tree.commands.find((each) => each.name() === name);
    const parts = [`## lateen ${name}`, `${summary}.`, `\`\`\`\nlateen ${name} ${command.usage()}\n\`\`\``];
    const args = command.registeredArguments.map((argument) => [code(argument.name()), cell(argument.description)]);
    if (args.length > 0) parts.push(table(['argument', 'meaning'], args));
    const options = command.options.map((option) => [code(option.flags), cell(described(option))]);
    if (options.length > 0) parts.push(table(['option', 'meaning'], options));
    const { examples } = verbs.get(name);
    const width = Math.max(0, ...examples.map(([line]) => line.length));
    if (examples.length > 0)
      parts.push(`\`\`\`sh\n${examples.map(([line, does]) => `${line.padEnd(width)}  # ${does}`).join('\n')}\n\`\`\``);
    return parts.join('\n\n');
  });
  return `${generated}

# Command line

\`npx lateen\`, \`bin/lateen\` and \`npm run lateen --\` are one program. \`lateen VERB --help\` prints what is here.

Exit codes: 0 done, 1 it could not be done, 2 the command line is wrong. \`exec\` ends with the exit code of its command.

${table(
  ['verb', 'does'],
  entries.map(({ name, summary }) => [`[${name}](#lateen-${name})`, cell(summary)]),
)}

${sections.join('\n\n')}
`;
}

const described = ({ description, defaultValue }) =>
  typeof defaultValue === 'string' ? `${description} (default: \`${defaultValue}\`)` : description;

async function main() {
  const pinned = join(root, 'node_modules', `node-linux-${process.arch}`, 'bin/node');
  if (process.execPath !== realpathSync(pinned)) {
    const again = spawnSync(pinned, [new URL(import.meta.url).pathname, ...process.argv.slice(2)], { stdio: 'inherit' });
    return again.status ?? 1;
  }
  const stale = await outdated();
  if (process.argv.includes('--check')) {
    for (const name of stale) console.error(`docs/reference/${name} is out of date: run npm run docs`);
    return stale.length > 0 ? 1 : 0;
  }
  mkdirSync(join(folder, 'codes'), { recursive: true });
  const texts = await pages();
  for (const name of stale) {
    if (name in texts) writeFileSync(join(folder, name), texts[name]);
    else rmSync(join(folder, name));
    console.error(`wrote docs/reference/${name}`);
  }
  return 0;
}

if (process.argv[1] === new URL(import.meta.url).pathname) process.exitCode = await main();
