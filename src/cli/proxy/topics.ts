// What can be asked of a proxy, under the names that people type: our own, and those of istioctl's proxy-config.

import { parts } from '../../control/configuration-parts.ts';

export const topics = [...parts, 'bootstrap', 'log', 'all'] as const;
export type Topic = (typeof topics)[number];

const short: Readonly<Record<Topic, readonly string[]>> = {
  listeners: ['listener', 'l'],
  routes: ['route', 'r'],
  clusters: ['cluster', 'c'],
  endpoints: ['endpoint', 'ep'],
  secrets: ['secret', 's'],
  bootstrap: ['b'],
  log: ['o'],
  all: ['a'],
};

export const topicOf = (word: string): Topic | undefined => topics.find((topic) => topic === word || short[topic].includes(word));
