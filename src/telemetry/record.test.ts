// What a line of a listener says of a connection: refused, or taken after all.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { recordLine, writer } from '../../test/support/records.ts';
import { readRecord } from './record.ts';

const failure = 'TLS_error|error:1000009c:SSL_routines:OPENSSL_internal:HTTP_REQUEST:TLS_error_end';
const read = (protocol: string) =>
  readRecord(recordLine('inbound', { type: 'NotSet', downstreamFailure: failure, protocol }), 1000, writer('echo'));

test('a connection that failed to begin TLS was refused', () => assert.equal(read('-')?.kind, 'refused'));

// Seen on a port that takes mutual TLS and plaintext, of a request that was answered with 200.
test('plaintext HTTP that was taken was not', () => assert.equal(read('HTTP/1.1'), undefined));
