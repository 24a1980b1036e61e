// Writes docs/reference/ from the code: kinds, message codes, command line. `--check` only says which pages are out of date.

import { spawnSync } from 'node:child_process';
import { globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const root = resolve(new URL('.', import.meta.url).pathname, '..');
const folder = join(root, 'docs/reference');

/** Codes of the rooms beside api/, which has its own list in src/api/codes.ts. */
const moreCodes = {
  LAT0100: 'A file or folder cannot be read',
  LAT0101: 'A document is not valid YAML',
  LAT0102: 'A document is not an object',
  LAT0103: 'Two objects have one name',
  LAT0104: 'An applied object counts instead of the one in a file',
  LAT0201: 'A port of a gateway is taken by another protocol',
  LAT0202: "A host or port name of a gateway's port is taken",
  LAT0203: "A server name of a gateway's port is taken",
  LAT0204: 'A gateway cannot open a port below 1024',
  LAT0205: 'No rule is bound to a server of a Gateway',
  LAT0207: 'A PeerAuthentication with a selector in the root namespace has no effect',
  LAT0601: 'A TCP port does not know what a rule asks about',
  LAT0602: 'A value of a policy means nothing',
  LAT0603: 'The provider of a CUSTOM policy is not known',
  LAT0701: "An authority's file cannot be read or written",
  LAT0702: "An authority's secret file is open to other users",
  LAT0703: "An authority's file is damaged, weak or does not match",
  LAT0801: 'There is no Envoy',
  LAT0802: 'The Envoy has another version',
  LAT0803: "An Envoy's admin interface does not answer",
  LAT0804: "A Unix socket's path is too long",
  LAT0805: 'A run folder cannot be used',
  LAT0806: 'There is no tool for redirection',
  LAT0807: 'The kernel refused redirection rules',
  LAT0808: 'No bootstrap can be made for a workload',
  LAT0901: 'The state folder cannot be used',
  LAT0902: 'An address cannot be listened on',
  LAT0903: 'The mesh configuration cannot be used',
  LAT2001: 'The file of images is not valid',
  LAT2002: 'A field has no effect on the laptop',
  LAT2003: 'An image stands for no program',
  LAT2004: 'A container ended',
  LAT2005: 'A pod could not be started',
  LAT2006: 'A ConfigMap, a Secret or a key of one is missing',
  LAT2007: 'The program of a container is not there',
  LAT2008: 'A volume cannot be mounted at its place',
  LAT2009: 'A pod asks for a host outside the mesh',
  LAT2010: 'A file that TLS needs cannot be used',
  IST0101: 'A referenced host, subset or gateway does not exist',
  IST0109: 'Two objects have rules for one host',
  IST0125: 'An annotation has an invalid value',
  STORE_CORRUPT: "The embedded store's file is damaged",
  STORE_FOREIGN: "The embedded store's file is something else",
  STORE_IN_USE: "The embedded store's file is in use",
  STORE_NEWER: "The embedded store's file is of a later Lateen",
  STORE_UNWRITABLE: "The embedded store's file cannot be written",
};

/** The pages by file name. */
export async function pages() {
  return { 'kinds.md': await kindsPage(), 'codes.md': await codesPage(), 'cli.md': await cliPage() };
}

/** Names of pages whose file says something else. */
export async function outdated() {
  return Object.entries(await pages())
    .filter(([name, text]) => textOf(join(folder, name)) !== text)
    .map(([name]) => name);
}

function textOf(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

const generated = '<!-- Written by `node scripts/docs.mjs`; do not edit. -->';
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

async function codesPage() {
  const titles = await codeTitles();
  const said = codesInSource();
  const rows = [...titles]
    .sort(([a], [b]) => byText(a, b))
    .map(([name, title]) => [code(name), cell(title), [...(said.get(name) ?? [])].toSorted(byText).map(code).join(', ')]);
  return `${generated}

# Codes

Every message about a manifest, and most errors of a start, have a code that stays the same when the words change. \`LAT\` codes are Lateen's; \`IST\` codes are Istio's,
used where the meaning is the same. The message itself names the object and field, the file, line and column, and what to do.

An error leaves the object out, or keeps its last good form. A warning says that an object does not do all it says. The last column is the room of \`src/\` that says it.

${table(['code', 'meaning', 'said by'], rows)}
`;
}

/** Every code with its title, in one map. */
export async function codeTitles() {
  const { codes } = await source('api/codes.ts');
  return new Map([...Object.entries(codes), ...Object.entries(moreCodes)]);
}

/** The codes that program text outside tests mentions as values, with the rooms that do. */
export function codesInSource() {
  const rooms = new Map();
  for (const path of globSync('src/**/*.ts', { cwd: root })) {
    if (path.endsWith('.test.ts') || path === 'src/api/codes.ts') continue;
    for (const [, name] of readFileSync(join(root, path), 'utf8').matchAll(/'((?:LAT|IST)\d{4}|STORE_[A-Z_]+)'/g)) {
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
  if (process.execPath !== pinned) {
    const again = spawnSync(pinned, [new URL(import.meta.url).pathname, ...process.argv.slice(2)], { stdio: 'inherit' });
    return again.status ?? 1;
  }
  const stale = await outdated();
  if (process.argv.includes('--check')) {
    for (const name of stale) console.error(`docs/reference/${name} is out of date: run node scripts/docs.mjs`);
    return stale.length > 0 ? 1 : 0;
  }
  mkdirSync(folder, { recursive: true });
  const texts = await pages();
  for (const name of stale) {
    writeFileSync(join(folder, name), texts[name]);
    console.error(`wrote docs/reference/${name}`);
  }
  return 0;
}

if (process.argv[1] === new URL(import.meta.url).pathname) process.exitCode = await main();
