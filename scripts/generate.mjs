// Generates gen/ (protobuf modules) from the npm copy of Envoy's protos, our additions to them, and our own protos.
// Runs under any Node from 20; skipped when nothing it reads has changed.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname ?? new URL('.', import.meta.url).pathname, '..');
const upstream = join(root, 'node_modules/@grpc/grpc-js-xds/deps');
const stage = join(root, 'gen/.protos');
const out = join(root, 'gen');

/** What the npm copy holds but nothing here needs, or what would need protos that npm does not have. */
const left = [
  /^envoy\/(api|data\/tap)\//,
  /^envoy\/.*\/(v2|v2alpha|v3alpha|v2alpha1|v1alpha1|v4alpha)\//,
  /^envoy\/service\/(trace|metrics|tap|event_reporting|redis_auth)\//,
  /^envoy\/config\/trace\/v3\/(trace|opencensus|service|lightstep)\.proto$/,
  /^envoy\/(config|extensions)\/.*(contrib|opencensus|\/tap\/|\/filter\/)/,
  /^envoy\/extensions\/tracers\/opentelemetry\/samplers\//,
  /^google\/api\/(?!annotations|http|httpbody|expr)/,
  /^google\/api\/expr\/(?!v1alpha1)/,
  /^google\/rpc\/(context)/,
];

function digest() {
  const hash = createHash('sha256');
  for (const path of ['package-lock.json', 'proto/additions.json', 'scripts/generate.mjs']) {
    hash.update(readFileSync(join(root, path)));
  }
  for (const path of protosUnder(join(root, 'proto'))) hash.update(path).update(readFileSync(join(root, 'proto', path)));
  return hash.digest('hex');
}

const protosUnder = (folder) =>
  readdirSync(folder, { recursive: true })
    .filter((path) => path.endsWith('.proto'))
    .sort((a, b) => (a < b ? -1 : 1));

function copyProtos() {
  for (const tree of ['envoy-api', 'xds', 'googleapis', 'protoc-gen-validate']) {
    const from = join(upstream, tree);
    for (const path of protosUnder(from)) {
      if (path.startsWith('tests/') || path.startsWith('java/')) continue;
      if (left.some((pattern) => pattern.test(path))) continue;
      cpSync(join(from, path), join(stage, path));
    }
  }
  cpSync(join(root, 'proto'), stage, { recursive: true, filter: (path) => !path.endsWith('.json') });
}

/**
 * Puts a field into a message of a staged proto file, as its first line, and what its type is imported from. `optional`: fields
 * that had to be there until this one took their place.
 */
function addField({ file, message, field, imports = [], optional = [] }) {
  const path = join(stage, file);
  const text = optional.reduce((from, name) => relaxed(from, name, file), readFileSync(path, 'utf8'));
  const opening = new RegExp(`^ *message ${message} \\{$`, 'm');
  if (!opening.test(text)) throw new Error(`proto/additions.json: ${file} has no message ${message}`);
  const wanted = imports.map((name) => `import "${name}";`).filter((line) => !text.includes(line));
  writeFileSync(
    path,
    text.replace(opening, (line) => `${line}\n  ${field}\n`).replace(/^package .*;$/m, (line) => [line, ...wanted].join('\n')),
  );
}

function relaxed(text, field, file) {
  const rule = new RegExp(`( ${field} = \\d+) \\[\\(validate\\.rules\\)\\.message = \\{required: true\\}\\];`);
  if (!rule.test(text)) throw new Error(`proto/additions.json: ${file} does not require ${field}`);
  return text.replace(rule, '$1;');
}

function buf(args) {
  const binary = join(root, 'node_modules/@bufbuild', `buf-linux-${process.arch === 'arm64' ? 'aarch64' : 'x64'}`, 'bin/buf');
  execFileSync(binary, args, { cwd: stage, stdio: ['ignore', 'inherit', 'inherit'], env: withPinnedNode() });
}

/** protoc-gen-es needs a newer Node than the system may have: ours comes first on PATH. */
function withPinnedNode() {
  const bin = join(root, 'node_modules', `node-linux-${process.arch}`, 'bin');
  return { ...process.env, PATH: `${bin}:${process.env.PATH}`, BUF_CACHE_DIR: join(out, '.cache') };
}

/** Where each generated message is, by its full name: file and export. What patches name is loaded by it, one file at a time. */
function typeIndex() {
  const described = /Describes the message ([\w.]+)\.\n[^/]*\*\/\nexport const (\w+)/g;
  const modules = readdirSync(out, { recursive: true }).filter((path) => path.endsWith('_pb.js'));
  return Object.fromEntries(
    modules
      .sort((a, b) => (a < b ? -1 : 1))
      .flatMap((path) =>
        [...readFileSync(join(out, path), 'utf8').matchAll(described)].map(([, name, schema]) => [name, [path, schema]]),
      ),
  );
}

/**
 * `fileDesc` of @bufbuild/protobuf walks through everything that a file's imports import, along every way there is: a third of
 * a short command's time. A file's own fields name types of its imports, and of what those import publicly, and no others.
 */
const fileDesc = `// How each generated file reads its descriptor: with its imports, without what these import for themselves.

import { fileDesc as wholeFileDesc } from '@bufbuild/protobuf/codegenv2';

const shortened = new Map();

function shorten(file) {
  let short = shortened.get(file);
  if (short === undefined) {
    const dependencies = file.dependencies.filter((_, index) => file.proto.publicDependency.includes(index));
    short = Object.create(file, { dependencies: { value: dependencies } });
    shortened.set(file, short);
  }
  return short;
}

export const fileDesc = (base64, imports) => wholeFileDesc(base64, imports?.map(shorten));
`;

function shortenDependencies() {
  writeFileSync(join(out, 'file-desc.js'), fileDesc);
  for (const path of readdirSync(out, { recursive: true }).filter((name) => name.endsWith('_pb.js'))) {
    const text = readFileSync(join(out, path), 'utf8');
    const own = `${'../'.repeat(path.split('/').length - 1) || './'}file-desc.js`;
    const replaced = text.replace(/^import \{ (.*) \} from "@bufbuild\/protobuf\/codegenv2";$/m, (line, names) => {
      const others = names.split(', ').filter((name) => name !== 'fileDesc');
      if (others.length === names.split(', ').length) return line;
      const rest = others.length === 0 ? '' : `\nimport { ${others.join(', ')} } from "@bufbuild/protobuf/codegenv2";`;
      return `import { fileDesc } from "${own}";${rest}`;
    });
    writeFileSync(join(out, path), replaced);
  }
}

export function generate({ log = () => {} } = {}) {
  const stamp = join(out, '.digest');
  const want = digest();
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === want) return false;
  log('generating protobuf code');
  rmSync(out, { recursive: true, force: true });
  mkdirSync(stage, { recursive: true });
  copyProtos();
  for (const addition of JSON.parse(readFileSync(join(root, 'proto/additions.json'), 'utf8')).fields) addField(addition);
  writeFileSync(join(stage, 'buf.yaml'), 'version: v2\n');
  writeFileSync(
    join(stage, 'buf.gen.yaml'),
    `version: v2\nplugins:\n  - local: ${JSON.stringify(join(root, 'node_modules/.bin/protoc-gen-es'))}\n    out: ..\n    opt: [target=js+dts, import_extension=js]\n    strategy: all\n`,
  );
  buf(['generate']);
  shortenDependencies();
  buf(['build', '-o', '../descriptors.binpb', '--as-file-descriptor-set']);
  rmSync(stage, { recursive: true, force: true });
  writeFileSync(join(out, 'types.json'), JSON.stringify(typeIndex()));
  writeFileSync(stamp, want);
  return true;
}

if (process.argv[1] === new URL(import.meta.url).pathname) generate({ log: console.error });
