// The helloworld sample: says which version and which pod answered. `node helloworld.ts [PORT]`, 5000 unless told otherwise.

import { hostname } from 'node:os';
import { send, serve } from './http-server.ts';
import { parsePort } from './ports.ts';

const plain = 'text/html; charset=utf-8';
const version = process.env['SERVICE_VERSION'] ?? 'v1';
const pod = process.env['HOSTNAME'] ?? hostname();

serve(
  (exchange) => {
    if (exchange.path === '/hello') return send(exchange, 200, plain, `Hello version: ${version}, instance: ${pod}\n`);
    if (exchange.path === '/health') return send(exchange, 200, plain, 'Helloworld is healthy');
    return false;
  },
  { port: parsePort(process.argv[2], 5000) },
);
