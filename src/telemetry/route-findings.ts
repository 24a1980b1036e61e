// Failures that rules and clusters explain: no route, no endpoint, a limit, a timeout, a fault.

import { blackHoleCluster } from '../compile/names.ts';
import { closed } from '../explain/istio-names.ts';
import { responseFlags } from './response-flags.ts';
import { originsOf, routeOrigins, writerOf, type Found, type Scene } from './scene.ts';

export function tooMuch({ record, known }: Scene): Found | undefined {
  if (!record.flags.includes('UO')) return undefined;
  return {
    says: 'a limit on connections or requests to the destination was reached',
    origins: known.cluster,
    fix: responseFlags['UO']?.fix ?? '',
  };
}

export function timedOut({ record, names }: Scene): Found | undefined {
  if (!record.flags.includes('UT')) return undefined;
  const perTry = record.details.startsWith('upstream_per_try');
  const attempts = record.attempts ?? 1;
  const tried = attempts > 1 ? `, in ${attempts} attempts` : '';
  return {
    says: `${names.destination} had not answered after ${record.duration ?? 0} ms${tried}: ${perTry ? 'the time for an attempt was over' : 'the time for the request was over'}`,
    origins: routeOrigins(record),
    fix: perTry
      ? 'raise perTryTimeout of the rule’s retries, or make the destination answer sooner'
      : 'raise the timeout of the rule, or make the destination answer sooner',
  };
}

export function faulty({ record }: Scene): Found | undefined {
  if (!record.flags.includes('FI')) return undefined;
  return {
    says: `a fault of the rule aborted it with ${record.code ?? 0}`,
    origins: routeOrigins(record).map(({ object, path }) => ({ object, path: `${ruleOf(path)}.fault.abort` })),
    fix: 'take the fault out of the rule when the experiment is over',
  };
}

/** The rule that a match is of. */
const ruleOf = (path: string): string => path.replace(/\.match\[\d+\]$/, '');

/** Nobody declared what was called, where nothing else may be. In the eager form a route answers, on demand a cluster stands for it. */
export function unregistered({ record, known }: Scene): Found | undefined {
  const { side, kind, code, flags, details, cluster, virtualHost, authority, serverName, local } = record;
  if (side !== 'outbound') return undefined;
  const refused =
    // On demand services that nobody has rules for are called through the same virtual host.
    (virtualHost === 'block_all' && (details === 'direct_response' || (code === 502 && flags.includes('UH')))) ||
    cluster === blackHoleCluster ||
    (known.undeclared && (flags.includes('UH') || flags.includes('NC')));
  if (!refused) return undefined;
  const name = kind === 'request' ? authority : serverName;
  return {
    says: `${name === '' ? `address ${local}` : `host ${name}`} is not registered: ${closed}`,
    origins: [],
    fix: `correct the ${name === '' ? 'address' : 'host'}, or declare it with a ServiceEntry; or let outboundTrafficPolicy, of MeshConfig or of the caller’s Sidecar, be ALLOW_ANY`,
  };
}

export function noRoute({ record, known }: Scene): Found | undefined {
  const { flags, details, authority, method, path, virtualHost } = record;
  if (record.kind !== 'request') return undefined;
  if (flags.includes('NC') || details === 'cluster_not_found') {
    return {
      says: `the route leads to ${record.cluster === '' ? 'a service, port or subset' : record.cluster} that ${writerOf(record)}’s proxy does not have`,
      origins: routeOrigins(record),
      fix: 'see that the service, its port and the subset exist, and that the caller may see them: exportTo and Sidecar can hide them',
    };
  }
  if (!flags.includes('NR')) return undefined;
  if (details === 'route_configuration_not_found') {
    return {
      says: `${writerOf(record)}’s proxy has not got its route table yet`,
      fix: 'see lateen status: has its configuration arrived?',
    };
  }
  const origins = known.rules.length > 0 ? known.rules : originsOf(record.virtualHostOrigin);
  return virtualHost === ''
    ? {
        says: `${writerOf(record)} has no host ${authority}: neither a service nor a VirtualService that it sees has the name`,
        origins: [],
        fix: 'correct the host, or declare it: Service, ServiceEntry, or the hosts of a Gateway and its VirtualServices',
      }
    : {
        says: `no rule for ${virtualHost.replace(/:\d+$/, '')} matches ${method} ${path}`,
        origins,
        fix: `add a rule that matches it, or one without matches at the end: lateen why ${record.side === 'gateway' ? '--gateway' : '--from'} ${writerOf(record)} ${method} http://${authority}${path} shows how near the others came`,
      };
}

export function noEndpoint({ record, names, known }: Scene): Found | undefined {
  if (!record.flags.includes('UH')) return undefined;
  const [, , subset = ''] = record.cluster.split('|');
  const what = subset === '' ? names.destination : `subset ${subset} of ${names.destination}`;
  if (known.endpoints === 0) {
    return {
      says: `${what} has no endpoints`,
      origins: [...known.cluster, ...routeOrigins(record)],
      fix:
        subset === ''
          ? 'start pods that the Service’s selector matches, and see that they are ready: lateen ps'
          : 'start pods with the labels of the subset, or correct them in the DestinationRule',
    };
  }
  const now = known.endpoints === undefined ? '' : `; it has ${known.endpoints} now`;
  return {
    says: `${what} had no healthy endpoint${now}`,
    origins: [...known.cluster, ...routeOrigins(record)],
    fix: 'see that its pods are ready, and whether outlierDetection has taken endpoints out: lateen proxy WORKLOAD endpoints',
  };
}
