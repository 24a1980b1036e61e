// From a question and the table of names to a reply, or to the decision to ask elsewhere: pure. Called by the server.

import type { Answer } from 'dns-packet';
import type { Query, Reply } from './message.ts';
import { usualTtl, type NameAnswer, type NameTable } from './name-table.ts';

/** What to do about a query. */
export type Resolution =
  | { readonly reply: Reply }
  /** Ask the network's DNS as it stands. */
  | { readonly forward: true }
  /** Ask the network's DNS for the addresses of `target`, and put them after `before`. */
  | { readonly follow: string; readonly before: readonly Answer[] };

/** Aliases of aliases end here: a circle is somebody's mistake, not ours to walk for ever. */
const longestAliasChain = 8;

/**
 * Resolves a query by the table. `namespace` is the client's, where known; `turn` rotates the addresses, so that clients
 * that take the first one spread out.
 */
export function resolve(query: Query, table: NameTable, namespace: string | undefined, turn: number): Resolution {
  const { question } = query;
  if (question.class !== 'IN') return { reply: { code: 'refused' } };
  const found = table.lookup(query.name, namespace);
  const empty = { reply: nothing('ok', table) };
  switch (found.found) {
    case 'nothing':
      return found.ours ? { reply: nothing('noSuchName', table) } : { forward: true };
    case 'parent':
      return query.name === table.clusterDomain && asksFor(question.type, 'SOA') ? ours([startOfAuthority(table)]) : empty;
    case 'addresses': {
      const records = addressRecords(question.name, question.type, found, turn);
      if (records.length > 0) return ours(records);
      // Other records of a host outside stay its owner's; only those that could lead around the addresses above are withheld.
      return found.kind === 'external' && !['A', 'AAAA', 'ANY', ...serviceBindings].includes(question.type)
        ? { forward: true }
        : empty;
    }
    case 'alias':
      return followAlias(question, found, table, namespace, turn);
    case 'ports':
      return asksFor(question.type, 'SRV') ? servicePorts(question.name, found, table, turn) : empty;
    case 'pointer':
      return asksFor(question.type, 'PTR')
        ? ours(found.hosts.map((data) => ({ type: 'PTR', name: question.name, ttl: found.ttl, data })))
        : empty;
  }
}

/** SVCB and HTTPS (RFC 9460), by the names that the codec gives to types it does not know. */
const serviceBindings = ['UNKNOWN_64', 'UNKNOWN_65', 'SVCB', 'HTTPS'];

const asksFor = (type: string, record: string): boolean => type === record || type === 'ANY';

const ours = (answers: readonly Answer[], additionals: readonly Answer[] = []): { reply: Reply } => ({
  reply: { code: 'ok', authoritative: true, answers, additionals },
});

type Addresses = Extract<NameAnswer, { found: 'addresses' }>;

function addressRecords(name: string, type: string, { ipv4, ipv6, ttl }: Addresses, turn: number): Answer[] {
  const records: Answer[] = [];
  if (asksFor(type, 'A')) for (const data of rotated(ipv4, turn)) records.push({ type: 'A', name, ttl, data });
  if (asksFor(type, 'AAAA')) for (const data of rotated(ipv6, turn)) records.push({ type: 'AAAA', name, ttl, data });
  return records;
}

function rotated<T>(list: readonly T[], turn: number): readonly T[] {
  if (list.length < 2) return list;
  const from = turn % list.length;
  return [...list.slice(from), ...list.slice(0, from)];
}

function followAlias(
  question: Query['question'],
  first: Extract<NameAnswer, { found: 'alias' }>,
  table: NameTable,
  namespace: string | undefined,
  turn: number,
): Resolution {
  const answers: Answer[] = [];
  let name = question.name;
  let found: NameAnswer = first;
  while (found.found === 'alias' && answers.length < longestAliasChain) {
    answers.push({ type: 'CNAME', name, ttl: found.ttl, data: found.target });
    if (asksFor(question.type, 'CNAME')) return ours(answers);
    name = found.target;
    found = table.lookup(name, namespace);
  }
  if (found.found === 'addresses') return ours([...answers, ...addressRecords(name, question.type, found, turn)]);
  // Resolvers in programs do not go after an alias themselves: the one that they ask must.
  if (found.found === 'nothing' && !found.ours) return { follow: name, before: answers };
  return ours(answers);
}

function servicePorts(
  name: string,
  { targets, ttl }: Extract<NameAnswer, { found: 'ports' }>,
  table: NameTable,
  turn: number,
): Resolution {
  const answers: Answer[] = [];
  const additionals: Answer[] = [];
  for (const { target, port } of rotated(targets, turn)) {
    answers.push({ type: 'SRV', name, ttl, data: { priority: 0, weight: 100, port, target } });
    const found = table.lookup(target);
    if (found.found === 'addresses') additionals.push(...addressRecords(target, 'ANY', found, turn));
  }
  return ours(answers, additionals);
}

/** "Nothing": with the start of authority that tells resolvers how long they may remember it. */
const nothing = (code: 'ok' | 'noSuchName', table: NameTable): Reply => ({
  code,
  authoritative: true,
  authorities: [startOfAuthority(table)],
});

const startOfAuthority = ({ clusterDomain }: NameTable): Answer => ({
  type: 'SOA',
  name: clusterDomain,
  ttl: usualTtl,
  data: {
    mname: `ns.dns.${clusterDomain}`,
    rname: `hostmaster.${clusterDomain}`,
    serial: 1,
    refresh: 7200,
    retry: 1800,
    expire: 86_400,
    // A service that does not exist yet may exist in a moment.
    minimum: 5,
  },
});
