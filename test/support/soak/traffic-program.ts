// Traffic from inside a pod until its standard input ends: `node traffic-program.ts EVERY-MS PLANS`. Says what fails, a line of JSON
// each, as it happens, and at the end what came of all.

import { Traffic, type LanePlan } from './lanes.ts';
import type { TrafficWord } from './caller.ts';

const [every = '', plans = ''] = process.argv.slice(2);
const say = (word: TrafficWord): void => void process.stdout.write(`${JSON.stringify(word)}\n`);
const traffic = new Traffic(JSON.parse(plans) as Record<string, LanePlan>, {
  everyMs: Number(every),
  failed: (failure) => say({ failure }),
});
process.stdin.resume().on('end', () => {
  void traffic.stop().then((lanes) => {
    say({ lanes });
    process.exit(0);
  });
});
