import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyCapture, type Run } from './apply.ts';
import { defaultCapture } from './capture-options.ts';
import { captureSet } from './rules.ts';

const ok = { code: 0, stdout: '', stderr: '' };
const set = captureSet(defaultCapture);

/** Runs nothing: answers by program, and keeps what was asked. */
function pretend(answers: Readonly<Record<string, { readonly code: number; readonly stderr?: string } | Error>>) {
  const asked: string[] = [];
  const run: Run = async (argv) => {
    asked.push(argv.join(' '));
    const answer = answers[argv[0] ?? ''] ?? ok;
    if (answer instanceof Error) throw answer;
    return { ...ok, ...answer };
  };
  return { run, asked };
}

test('nft is used where it works', async () => {
  const { run, asked } = pretend({});
  assert.deepEqual(await applyCapture(set, run), { tool: 'nft', ipv6: true });
  assert.deepEqual(asked, ['nft list tables', 'ip -6 address replace ::6/128 dev lo nodad', 'nft -f -']);
});

test('iptables is used where nft is missing, without IPv6 where there is none', async () => {
  const { run, asked } = pretend({ nft: new Error('spawn nft ENOENT'), ip: { code: 2 }, iptables: ok });
  assert.deepEqual(await applyCapture(set, run), { tool: 'iptables', ipv6: false });
  assert.deepEqual(asked.slice(-3), [
    'iptables -w -t nat -C PREROUTING -j LATEEN_PREROUTING',
    'iptables -w -t nat -C OUTPUT -j LATEEN_OUTPUT',
    'iptables-restore -w --noflush',
  ]);
});

test('neither is an error that says what to install', async () => {
  const { run } = pretend({ nft: { code: 127, stderr: 'nft: not found' }, iptables: new Error('spawn iptables ENOENT') });
  await assert.rejects(applyCapture(set, run), {
    code: 'LAT0806',
    message: /nft: not found; spawn iptables ENOENT/,
    help: /apt-get install nftables/,
  });
});

test('a refused script is an error with what the tool said', async () => {
  const run: Run = async (argv) => (argv.includes('-f') ? { ...ok, code: 1, stderr: 'Error: Operation not permitted' } : ok);
  await assert.rejects(applyCapture(set, run), {
    code: 'LAT0807',
    message: /nft -f - failed with code 1: Error: Operation not permitted/,
  });
});
