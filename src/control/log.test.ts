import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { SecretText } from '../lib/secret-text.ts';
import { createLog, prettyLine } from './log.ts';

describe('createLog', () => {
  it('redacts what is secret by its name or its type', () => {
    let text = '';
    const log = createLog({ level: 'info', pretty: false, write: (line) => void (text += line) });
    log.info(
      {
        token: 'hunter2',
        call: { authorization: 'hunter2' },
        secret: { object: { data: 'hunter2' } },
        other: new SecretText('hunter2'),
      },
      'x',
    );
    assert.doesNotMatch(text, /hunter2/);
    assert.equal(JSON.parse(text).level, 'info');
  });

  it('writes one readable line, errors included', () => {
    const lines: string[] = [];
    const log = createLog({ level: 'debug', pretty: true, write: (line) => void lines.push(stripVTControlCharacters(line)) });
    log.child({ room: 'xds' }).warn({ peer: '127.0.0.1:1', err: new Error('broken') }, 'a stream was refused');
    assert.match(lines.join(''), /^\d\d:\d\d:\d\d warn  xds: a stream was refused broken peer=127\.0\.0\.1:1\n$/);
    log.trace('not shown');
    assert.equal(lines.length, 1);
  });

  it('reads any line that pino writes', () => {
    assert.match(
      stripVTControlCharacters(prettyLine('{"level":"info","time":"2030-01-02T03:04:05Z","msg":"m","n":1}')),
      /^03:04:05 info  m n=1\n$/,
    );
  });
});
