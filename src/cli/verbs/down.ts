// lateen down: stops a running mesh and removes what it, or one that was killed, left behind.

import { defineVerb, online, type OnlineOptions } from '../verb.ts';

export const verb = defineVerb<OnlineOptions>({
  define: (command) => online(command),
  examples: [['lateen down', 'stop everything; what was applied is kept for the next up']],
  async run({ options, terminal }) {
    const { down } = await import('../down.ts');
    return down(options, terminal);
  },
});
