// What the redirection tests do inside: rules applied to a workload, calls made, answers printed as JSON.

import { captureOptions } from '../../src/node/redirect/annotations.ts';
import { applyCapture, type RedirectTool } from '../../src/node/redirect/apply.ts';
import { type CaptureOptions, defaultCapture } from '../../src/node/redirect/capture-options.ts';
import { parseCidr } from '../../src/node/redirect/cidr.ts';
import { captureSet } from '../../src/node/redirect/rules.ts';
import { calls, type Question, World } from './redirect-world.ts';

const [tool, knownBy, prefix] = process.argv.slice(2) as [RedirectTool, 'uid' | 'mark', string];
await using world = new World(prefix, knownBy);

/** The address that only the proxy calls from has no mark on its calls: inbound clusters bind by themselves. */
const inner = calls('app', 'app', '10.88.0.1:8080 from 127.0.0.6', '[fd88::1]:8080 from ::6');

const questions: Readonly<Record<string, readonly Question[]>> = {
  default: [
    ...calls('app', 'app', '10.88.0.2:80', '[fd88::2]:80', '10.88.0.2:25', '10.99.0.2:80'),
    ...calls('app', 'app', '127.0.0.1:8080', '[::1]:8080', '10.88.0.1:8080', '[fd88::1]:8080'),
    ...calls(
      'app',
      'proxy',
      '10.88.0.2:80',
      '[fd88::2]:80',
      '127.0.0.1:8080',
      '10.88.0.1:8080',
      '[fd88::1]:8080',
      '10.88.0.1:15008',
    ),
    ...inner,
    ...calls(
      'peer',
      'app',
      '10.88.0.1:8080',
      '[fd88::1]:8080',
      '10.88.0.1:9000',
      '10.88.0.1:15008',
      '10.88.0.1:15021',
      '10.88.0.1:15090',
    ),
    ...calls('peer', 'app', '10.88.0.1:8080 from 10.88.0.3', '10.88.0.1:8081 from 10.88.0.3'),
  ],
  lists: [
    ...calls('app', 'app', '10.88.0.2:80', '10.88.0.2:443', '10.99.0.2:80'),
    ...calls('peer', 'app', '10.88.0.1:8080', '10.88.0.1:8081'),
  ],
  removed: [...calls('app', 'app', '10.88.0.2:80'), ...calls('peer', 'app', '10.88.0.1:8080', '[fd88::1]:8080')],
};

const annotation = (name: string) => `traffic.sidecar.istio.io/${name}`;

/** Options as a pod would ask for them. */
function options(annotations: Record<string, string>, more: Partial<CaptureOptions> = {}): CaptureOptions {
  const read = captureOptions(annotations, { ...defaultCapture, proxy: world.proxy, ...more });
  if (read.findings.length > 0) throw new Error(JSON.stringify(read.findings));
  return read.options;
}

const range = (text: string) => {
  const cidr = parseCidr(text);
  if (cidr === undefined) throw new Error(text);
  return cidr;
};

const sets: Readonly<Record<string, CaptureOptions>> = {
  default: options(
    {
      [annotation('excludeInboundPorts')]: '9000',
      [annotation('excludeOutboundPorts')]: '25',
      [annotation('excludeOutboundIPRanges')]: '10.99.0.0/24',
      [annotation('excludeInterfaces')]: 'net1,tun+',
    },
    {
      probeSources: [{ address: range('10.88.0.3'), ports: [8080] }],
      virtualInterfaces: ['docker0'],
      dns: { port: 15053, servers: [range('10.96.0.10'), range('fd96::10')] },
    },
  ),
  lists: options({
    [annotation('includeInboundPorts')]: '8080',
    [annotation('includeOutboundIPRanges')]: '10.99.0.0/24',
    [annotation('includeOutboundPorts')]: '443',
  }),
  removed: { ...defaultCapture, mode: 'NONE' },
};

world.start();
await world.serve('app', [15001, 15006, 15008, 15021, 15090, 8080, 8081, 9000]);
await world.serve('peer', [80, 25, 443]);
const results: Record<string, Record<string, string>> = {};
for (const [name, set] of Object.entries(sets)) {
  // Twice: what is there already must not stand in the way, nor add up.
  await applyCapture(captureSet(set), world.run, tool);
  await applyCapture(captureSet(set), world.run, tool);
  results[name] = await world.ask(questions[name] ?? []);
}
console.log(JSON.stringify(results));
