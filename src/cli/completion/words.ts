// What may stand at the end of a command line: names out of the files that it gives, else of the running mesh. Whoever completes a word
// wants no message and cannot wait: what nobody answers in time is nothing, and what is not needed is not loaded.

import type { RequestsAnswer, WordsAnswer, WordsQuery } from '../../control/api/contract.ts';
import { connect } from '../client.ts';
import type { Asked } from '../verb.ts';
import type { Line } from './line.ts';

/** Milliseconds that the running mesh has. */
const patience = 300;

/** Requests that are offered, the last ones. */
const recent = 20;

/** What no shell takes for anything but a part of a word: requests' ids come from outside. */
const harmless = /^[\w.:/@%+=,~-]+$/;

export async function lineWords(what: Asked, line: Line): Promise<readonly string[]> {
  const found = await candidates(line.args.length === 0 ? (before[what] ?? what) : what, line);
  return found.filter((word) => word.startsWith(line.current) && harmless.test(word));
}

/** What is asked before it. A shell that counts options as arguments asks too early. */
const before: Readonly<Partial<Record<Asked, Asked>>> = { objects: 'kinds', destinations: 'questions' };

async function candidates(what: Asked, line: Line): Promise<readonly string[]> {
  const { args, current } = line;
  const [first = ''] = args;
  switch (what) {
    case 'codes':
      return Object.keys((await import('../../api/codes.ts')).codes);
    case 'kinds':
      return current.includes('/') ? objectsByKind(line) : kindNames(line);
    case 'objects':
      return first.includes('/') ? objectsByKind(line) : names({ of: 'objects', kind: first }, line);
    case 'questions':
      return [...questions, ...(await requestIds(line))];
    case 'destinations':
      return names({ of: first === 'dns' ? 'hosts' : first === 'tcp' ? 'addresses' : 'urls' }, line);
    case 'workloads':
    case 'namespaces':
    case 'hosts':
      return names({ of: what }, line);
  }
}

const questions = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'tcp', 'dns'];

async function kindNames({ verb }: Line): Promise<readonly string[]> {
  const { kinds } = await import('../../api/index.ts');
  const names = kinds.flatMap(({ plural, shortNames }) => [plural, ...shortNames]);
  return verb === 'get' ? ['diagnostics', ...names] : names;
}

/** `vs/reviews`. */
async function objectsByKind(line: Line): Promise<readonly string[]> {
  const [kind = '', ...rest] = line.current.split('/');
  if (rest.length === 0) return [];
  const found = await names({ of: 'objects', kind }, { ...line, current: rest.join('/') });
  return found.map((name) => `${kind}/${name}`);
}

async function names(query: Pick<WordsQuery, 'of' | 'kind'>, line: Line): Promise<readonly string[]> {
  const namespace = line.options.get('--namespace')?.[0];
  const asked: WordsQuery = { ...query, prefix: line.current, ...(namespace !== undefined && { namespace }) };
  const files = line.options.get('--file');
  if (files === undefined) return (await running<WordsAnswer>('/v1/words', { ...asked }, line)) ?? [];
  return (await import('./file-words.ts')).fileWords(asked, files);
}

async function requestIds(line: Line): Promise<readonly string[]> {
  if (line.options.has('--file') || line.options.has('--dump')) return [];
  const rows = (await running<RequestsAnswer>('/v1/requests', { limit: recent }, line)) ?? [];
  return rows.map(({ id }) => id).reverse();
}

async function running<Answer>(
  path: string,
  query: Readonly<Record<string, string | number | undefined>>,
  line: Line,
): Promise<Answer | undefined> {
  const client = connect({ state: line.options.get('--state')?.[0] });
  try {
    return await client.get<Answer>(path, query, AbortSignal.timeout(patience));
  } catch {
    return undefined;
  }
}
