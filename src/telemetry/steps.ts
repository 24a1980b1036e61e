// The way that a request or connection took, told by the records of both ends: what each proxy did with it, and by which objects.

import { originsOf, type OriginName } from './scene.ts';
import type { Exchange } from './join.ts';
import type { AccessRecord } from './record.ts';
import { callerNames } from './request-row.ts';

export interface HappenedStep {
  /** One clause. */
  readonly text: string;
  readonly origins: readonly OriginName[];
}

/** `cluster`: the objects behind the cluster that the caller's proxy used. */
export function stepsOf(exchange: Exchange, cluster: readonly OriginName[]): readonly HappenedStep[] {
  const { caller, destination, attempts } = exchange;
  return [
    ...(caller === undefined ? [] : leavingSteps(caller, cluster)),
    ...attempts.map((attempt) => step(`an earlier attempt reached ${attempt.local}: ${endOf(attempt)}`)),
    ...(destination === undefined ? [] : arrivingSteps(exchange, destination)),
  ];
}

const step = (text: string, source = ''): HappenedStep => ({ text, origins: originsOf(source) });

function leavingSteps(record: AccessRecord, behind: readonly OriginName[]): HappenedStep[] {
  const { kind, virtualHost, virtualHostOrigin, route, routeOrigin, chain, chainOrigin, cluster, endpoint, listener } = record;
  const who = `${record.writer.workload}.${record.writer.namespace}`;
  const steps = [
    step(`${who}’s proxy took it${listener === '' ? '' : ` at listener ${listener}`}${chainText(chain)}`, chainOrigin),
  ];
  if (kind === 'request') {
    steps.push(
      virtualHost === '' ? step('no virtual host was for it') : step(`virtual host ${virtualHost}`, virtualHostOrigin),
      ...(virtualHost === '' || record.flags.includes('NR')
        ? []
        : [step(`route ${route === '' ? 'without a name' : route}`, routeOrigin)]),
    );
  }
  if (cluster !== '') steps.push({ text: `cluster ${cluster}`, origins: behind });
  if (endpoint !== '') {
    const tries = (record.attempts ?? 1) > 1 ? `, after ${record.attempts} attempts` : '';
    const tls = record.destinationIdentity === '' ? '' : `, by mutual TLS to ${record.destinationIdentity}`;
    steps.push(step(`endpoint ${endpoint}${tries}${tls}`));
  }
  steps.push(step(`there it ended: ${endOf(record)}`));
  return steps;
}

function arrivingSteps(exchange: Exchange, record: AccessRecord): HappenedStep[] {
  const who = `${record.writer.workload}.${record.writer.namespace}`;
  const from =
    record.callerIdentity === '' ? `${callerNames(exchange)[0] ?? 'its caller'} without a certificate` : record.callerIdentity;
  return [
    step(`${who}’s proxy took it from ${from}${chainText(record.chain)}`, record.chainOrigin),
    ...(record.policy === '' ? [] : [step(`authorization: ${record.policy}`)]),
    ...(record.endpoint === '' ? [] : [step(`its application at ${record.endpoint}`)]),
    step(`there it ended: ${endOf(record)}`),
  ];
}

const chainText = (chain: string): string => (chain === '' ? '' : `, filter chain ${chain}`);

/** `503 after 7 ms`, `12 bytes there and 40 back in 103 ms`. */
function endOf({ kind, code, grpcStatus, flags, duration, firstByte, received, sent }: AccessRecord): string {
  const took = duration === undefined ? '' : ` after ${duration} ms`;
  const marks = flags.length === 0 ? '' : ` (${flags.join(', ')})`;
  if (kind === 'refused') return `refused${marks}`;
  if (kind === 'connection') return `${received ?? 0} bytes there and ${sent ?? 0} back${took}${marks}`;
  const first = firstByte === undefined || firstByte === duration ? '' : `, ${firstByte} ms to the first byte`;
  const grpc = grpcStatus === '' ? '' : `, gRPC status ${grpcStatus}`;
  return `${code === 0 ? 'no answer' : (code ?? 'no answer')}${grpc}${took}${first}${marks}`;
}
