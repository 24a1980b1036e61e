// The program of a server that tests call: HTTP/1 on 8080, HTTP/2 on 8081, a server that speaks first on 8082; each says what it heard.

/** For Node's `-e`; `NAME` in the environment is what it calls itself. */
export const originProgram = `
const said = (protocol, request) => JSON.stringify({ name: process.env.NAME, protocol, url: request.url,
  headers: Object.fromEntries(Object.entries(request.headers).filter(([key]) => key !== 'x-request-id')) });
require('node:http').createServer((request, response) => response.end(said('1', request))).listen(8080);
require('node:http2').createServer((request, response) => response.end(said('2', request))).listen(8081);
require('node:net').createServer((socket) => {
  socket.write('welcome to ' + process.env.NAME + '\\n');
  socket.on('data', (data) => socket.write('heard ' + data)).on('error', () => {});
}).listen(8082);
`;

/** A Pod that runs it under its own name, which is its label `app`. */
export const originPod = (name: string, namespace: string, annotations: object = {}, labels: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace, labels: { app: name, ...labels }, annotations },
  spec: {
    containers: [
      {
        name,
        image: 'curlimages/curl',
        command: [process.execPath, '-e', originProgram],
        env: [{ name: 'NAME', value: name }],
        ports: [{ containerPort: 8080 }],
      },
    ],
  },
});

/** The program of a client, for Node's `-e`: prints what such a server says before and to a line, and how a connection failed. */
export const tellProgram = (host: string, port: number): string => `
let heard = ''; const socket = require('node:net').connect(${port}, '${host}', () => socket.write('hello\\n'));
socket.on('error', (error) => { console.log(heard + error.message); process.exit(); }).on('close', () => console.log(heard));
socket.on('data', (data) => { heard += data; if (heard.includes('hello')) socket.end(); });
`;
