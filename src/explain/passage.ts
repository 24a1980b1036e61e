// A request on its way through one proxy: what is known of it by now, and the steps so far. The rooms of explain hand it on.

import type { JsonObject } from '@bufbuild/protobuf';
import type { FractionalPercent } from '../../gen/envoy/type/v3/percent_pb.js';
import { FractionalPercent_DenominatorType } from '../../gen/envoy/type/v3/percent_pb.js';
import type { Chance } from './chance.ts';
import type { ProxyConfiguration } from './configuration.ts';
import type { Step } from './explanation.ts';
import { originsOf, type Locate } from './origins.ts';
import type { Address, Request, Source } from './request.ts';

export interface Passage {
  readonly configuration: ProxyConfiguration;
  readonly request: Request;
  readonly locate: Locate;
  readonly chance: Chance;
  readonly steps: Step[];
  readonly missing: Set<string>;
  /** Where the connection is for, as the proxy knows it by now. */
  local: Address;
  /** Whom it is from: the connection's other end, or what stands before the proxy says. */
  remote: Source;
  /** Somebody before the proxy may say that it is from another, which nobody wrote down. */
  remoteUnsure: boolean;
  /** What the listener's filters found in the first bytes. */
  transport: string;
  alpn: readonly string[];
  sni: string;
  /** TLS that the proxy ended, and what the caller's certificate says there. */
  ended: { readonly identity: string | undefined; readonly protocol: string } | undefined;
  /** What filters noted for later ones, by filter. */
  readonly metadata: Map<string, JsonObject>;
  readonly state: Map<string, string>;
  /** Which of a cluster's endpoints the route asks for, by their metadata. */
  wanted: JsonObject;
  /** A token was taken of which nobody wrote down what it says. */
  claimsUnsure: boolean;
  /** Headers that a route took away and nobody had written down. */
  readonly removed: Set<string>;
  /** A fault has held the request up, which flags tell of whatever comes then. */
  delayed: boolean;
  /** A cluster that the proxy does not have is asked for. */
  asksForClusters: boolean;
  /** A filter has accepted the caller's token and taken it off the request. */
  tokenTaken?: boolean;
}

export function passageOf(configuration: ProxyConfiguration, request: Request, locate: Locate, chance: Chance): Passage {
  return {
    configuration,
    request,
    locate,
    chance,
    steps: [],
    missing: new Set(configuration.missing),
    local: request.destination,
    remote: request.source,
    remoteUnsure: false,
    claimsUnsure: false,
    transport: '',
    alpn: [],
    sni: '',
    ended: undefined,
    metadata: new Map(),
    state: new Map(),
    wanted: {},
    delayed: false,
    removed: new Set(),
    asksForClusters: false,
  };
}

type Metadata = Parameters<typeof originsOf>[0];

export function note(passage: Passage, step: Pick<Step, 'kind' | 'name' | 'text'> & Partial<Step>, metadata?: Metadata): void {
  const { steps, locate } = passage;
  steps.push({ details: [], effect: 'passes', ...step, origins: step.origins ?? originsOf(metadata, locate) });
}

/** 0 to 1. */
export function fraction(percent: FractionalPercent | undefined): number {
  if (percent === undefined) return 0;
  const { numerator, denominator } = percent;
  switch (denominator) {
    case FractionalPercent_DenominatorType.TEN_THOUSAND:
      return numerator / 10_000;
    case FractionalPercent_DenominatorType.MILLION:
      return numerator / 1_000_000;
    default:
      return numerator / 100;
  }
}

export const percentText = (share: number): string => `${Number((share * 100).toFixed(share < 0.01 ? 4 : 1))} %`;

/** `once`, `up to 3 times`. */
export const timesText = (count: number): string => (count === 1 ? 'once' : `up to ${count} times`);

export const listed = (words: readonly string[], last = 'and'): string =>
  words.length < 2 ? (words[0] ?? '') : `${words.slice(0, -1).join(', ')} ${last} ${words.at(-1)}`;
