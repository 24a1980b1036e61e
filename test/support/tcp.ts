// One line said over TCP and what came back, as text; a failure is an answer that begins with "failed".

import { connect } from 'node:net';

export function sayOverTcp(port: number, line: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, timeout: 10_000 }, () => socket.write(`${line}\n`));
    let heard = '';
    const end = (answer: string) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setEncoding('utf8').on('data', (text: string) => {
      heard += text;
      if (heard.endsWith('\n')) end(heard.trimEnd());
    });
    socket.on('timeout', () => end('failed: no answer within 10 s'));
    socket.on('error', (error) => end(`failed: ${error.message}`));
    socket.on('close', () => end(`failed: closed after ${JSON.stringify(heard)}`));
  });
}
