// What a person is told of a start: the same words in the foreground and after `lateen up -d`.

import type { StartReport } from './platform.ts';

export const entranceText = (url: string): string => `  look at ${url}`;

export function notReadyText({ waiting }: Pick<StartReport, 'waiting'>): string {
  const names = waiting.map(({ pod, status }) => `${pod.name} (${status})`).join(', ');
  return `not ready: ${names}; the rest runs. lateen ps and lateen logs say more`;
}
