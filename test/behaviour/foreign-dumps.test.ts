// Dumps in the shapes that other control planes and older versions give, and what is told of requests through their proxies.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parse } from 'yaml';
import { mannerOf } from '../../src/cli/why/manner.ts';
import { questionOf } from '../../src/cli/why/question.ts';
import { askDump } from '../../src/cli/why/run.ts';
import { story } from '../../src/cli/why/story.ts';
import { dumpedConfiguration } from '../../src/explain/dump.ts';

const folder = new URL('foreign/', import.meta.url);

interface Asked {
  readonly why: string;
  readonly inbound?: boolean;
  readonly identity?: string;
  readonly sourceIp?: string;
  readonly sni?: string;
  readonly alpn?: string;
  readonly jwt?: string;
  readonly http2?: boolean;
  readonly header?: readonly string[];
  /** What the story has, in this order. */
  readonly says: readonly string[];
  readonly never?: readonly string[];
}

interface ForeignCase {
  /** One dump, or what several files of one have. */
  readonly dump: object | readonly object[];
  readonly asks: readonly Asked[];
}

for (const file of readdirSync(folder)) {
  const { dump, asks } = parse(readFileSync(new URL(file, folder), 'utf8'), { merge: true, maxAliasCount: -1 }) as ForeignCase;
  const texts = (Array.isArray(dump) ? dump : [dump]).map((each) => JSON.stringify(each));
  for (const { why, inbound = false, says, never = [], ...manner } of asks) {
    test(`${file.replace('.yaml', '')}: ${why}${inbound ? ', inbound' : ''} ${JSON.stringify(manner)}`, () => {
      const configuration = dumpedConfiguration(...texts);
      if (typeof configuration === 'string') assert.fail(configuration);
      const question = questionOf(why.split(' '));
      if (question.kind === 'dns' || question.kind === 'happened') assert.fail('a request is asked');
      const told = askDump(question, configuration, mannerOf({ output: 'text', ...manner }), { inbound, file });
      const text = story(told, { verbose: true, style: (_style, plain) => plain });
      let at = 0;
      for (const part of says) {
        const found = text.indexOf(part, at);
        assert.ok(found >= 0, `${part}\nis not said ${text.includes(part) ? 'there' : ''} in\n${text}`);
        at = found + part.length;
      }
      for (const part of never) assert.ok(!text.includes(part), `${part}\nis said in\n${text}`);
    });
  }
}
