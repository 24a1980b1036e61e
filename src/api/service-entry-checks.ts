// Rules for ServiceEntries: which endpoints, addresses and hosts each resolution can work with.

import { error, warning } from './finding.ts';
import type { Check, Finding } from './kind.ts';
import { isAddress, isCidr, isDnsLabel, isHostName } from './names.ts';
import type { Path } from './object.ts';
import type { ServiceEntry } from './service-entry.ts';
import { isPortProtocol, namesItsHost, protocolNames } from './shared/port-protocols.ts';
import { checkExportTo, checkLabels, checkSelector, checkWildcardHost, each, repeated } from './shared/values.ts';
import { checkWorkload } from './shared/workload-checks.ts';

type Spec = ServiceEntry['spec'];

export const hosts: Check<ServiceEntry> = ({ spec }) => [
  ...each(spec.hosts, ['spec', 'hosts'], (host, path) => {
    if (host === '*') return [error('LAT1401', path, 'the host * would take all traffic', 'name hosts, as in *.example.com')];
    if (isAddress(host)) return [error('LAT1020', path, `${host} is an address, not a host name`, 'put it into addresses')];
    return checkWildcardHost(host, path);
  }),
  ...checkExportTo(spec.exportTo, ['spec', 'exportTo']),
];

export const ports: Check<ServiceEntry> = ({ spec }) => {
  const path = ['spec', 'ports'];
  const findings: Finding[] = each(spec.ports, path, ({ name, protocol }, place) => [
    ...(isDnsLabel(name.toLowerCase())
      ? []
      : [error('LAT1402', [...place, 'name'], `${JSON.stringify(name)} is not a port's name`, 'use letters, digits and -')]),
    ...(isPortProtocol(protocol)
      ? []
      : [
          error(
            'LAT1402',
            [...place, 'protocol'],
            `${JSON.stringify(protocol)} is not a protocol`,
            `use one of ${protocolNames}`,
          ),
        ]),
  ]);
  for (const [field, keyOf] of [
    ['name', ({ name }: { name: string }) => name],
    ['number', ({ number }: { number: number }) => number],
  ] as const) {
    for (const [index, port] of repeated(spec.ports, keyOf as (port: { name: string; number: number }) => string | number)) {
      findings.push(
        error(
          'LAT1403',
          [...path, index, field],
          `another port has the ${field} ${port[field]}`,
          `give each port its own ${field}`,
        ),
      );
    }
  }
  return findings;
};

export const addresses: Check<ServiceEntry> = ({ spec }) => {
  const resolution = spec.resolution ?? 'NONE';
  const findings = each(spec.addresses, ['spec', 'addresses'], (address, path) => {
    if (!isCidr(address))
      return [
        error('LAT1026', path, `${JSON.stringify(address)} is neither an IP address nor a CIDR`, 'write 10.1.2.3 or 10.1.0.0/16'),
      ];
    if (!address.includes('/') || resolution === 'NONE' || resolution === 'STATIC') return [];
    return [
      error(
        'LAT1404',
        path,
        `a CIDR is not possible with resolution ${resolution}`,
        'write addresses, or set resolution to NONE or STATIC',
      ),
    ];
  });
  if ((spec.addresses ?? []).length > 0 || resolution === 'DYNAMIC_DNS') return findings;
  for (const [index, { number, protocol }] of (spec.ports ?? []).entries()) {
    if (spec.hosts.length === 1 && resolution !== 'NONE') break;
    if (namesItsHost(protocol)) continue;
    const message = `port ${number} carries no host name, so without addresses it takes all traffic to that port`;
    findings.push(warning('IST0134', ['spec', 'ports', index], message, 'give addresses, or a protocol such as TLS or HTTP'));
  }
  return findings;
};

export const endpoints: Check<ServiceEntry> = ({ spec }) => {
  const { workloadSelector } = spec;
  const given = spec.endpoints ?? [];
  const findings = checkSelector(
    workloadSelector?.labels,
    ['spec', 'workloadSelector', 'labels'],
    workloadSelector !== undefined,
  );
  if (workloadSelector !== undefined && given.length > 0) {
    findings.push(
      error('LAT1405', ['spec', 'endpoints'], 'endpoints and workloadSelector exclude each other', 'keep one of them'),
    );
  }
  return [
    ...findings,
    ...resolutions[spec.resolution ?? 'NONE'](spec),
    ...each(given, ['spec', 'endpoints'], (endpoint, path) => [
      ...checkLabels(endpoint.labels, [...path, 'labels']),
      ...Object.keys(endpoint.ports ?? {})
        .filter((name) => !(spec.ports ?? []).some((port) => port.name === name))
        .map((name) =>
          error('LAT1406', [...path, 'ports', name], `the entry has no port named ${name}`, "use the names of the entry's ports"),
        ),
    ]),
  ];
};

const at = (...path: Path): Path => ['spec', ...path];

const resolutions: Readonly<Record<NonNullable<Spec['resolution']>, (spec: Spec) => Finding[]>> = {
  NONE: ({ endpoints: given = [] }) =>
    given.length === 0
      ? []
      : [
          error(
            'LAT1405',
            at('endpoints'),
            'resolution NONE connects to the address that the caller dialled, not to endpoints',
            'set resolution to STATIC or DNS',
          ),
        ],

  STATIC: (spec) => {
    if ((spec.endpoints ?? []).length === 0 && spec.workloadSelector === undefined) {
      return [error('LAT1405', at('resolution'), 'resolution STATIC needs endpoints', 'give endpoints or workloadSelector')];
    }
    return each(spec.endpoints, at('endpoints'), (endpoint, path) => [
      ...checkWorkload(endpoint, path),
      ...(!endpoint.address || isAddress(endpoint.address) || endpoint.address.startsWith('unix:')
        ? []
        : [
            error(
              'LAT1407',
              [...path, 'address'],
              `${JSON.stringify(endpoint.address)} is not an IP address`,
              'write one, or set resolution to DNS',
            ),
          ]),
    ]);
  },

  DNS: dnsEndpoints,

  DNS_ROUND_ROBIN: (spec) => {
    const findings = dnsEndpoints(spec);
    const count = (spec.endpoints ?? []).length || spec.hosts.length;
    if (count > 1) {
      const message = `resolution DNS_ROUND_ROBIN resolves one name, not ${count}`;
      findings.push(error('LAT1405', at('resolution'), message, 'give one endpoint or host, or use DNS'));
    }
    return findings;
  },

  DYNAMIC_DNS: (spec) => {
    const findings = each(spec.hosts, at('hosts'), (host, path) =>
      host.startsWith('*')
        ? []
        : [
            error(
              'LAT1408',
              path,
              `resolution DYNAMIC_DNS is for wildcard hosts, ${host} is none`,
              'write *.example.com, or use DNS',
            ),
          ],
    );
    for (const field of ['addresses', 'endpoints', 'workloadSelector'] as const) {
      const value = spec[field];
      if (value === undefined || (Array.isArray(value) && value.length === 0)) continue;
      findings.push(error('LAT1408', at(field), `resolution DYNAMIC_DNS takes no ${field}`, `remove ${field}`));
    }
    return [
      ...findings,
      ...each(spec.ports, at('ports'), ({ protocol }, path) =>
        namesItsHost(protocol)
          ? []
          : [
              error(
                'LAT1408',
                [...path, 'protocol'],
                'resolution DYNAMIC_DNS needs requests that name their host',
                'use HTTP, HTTP2, GRPC or TLS',
              ),
            ],
      ),
    ];
  },
};

function dnsEndpoints({ hosts: names, endpoints: given = [], workloadSelector }: Spec): Finding[] {
  if (given.length === 0 && workloadSelector === undefined) {
    return each(names, at('hosts'), (host, path) =>
      host.startsWith('*')
        ? [
            error(
              'LAT1409',
              path,
              `DNS cannot resolve the wildcard ${host}`,
              'give endpoints, whole host names, or resolution NONE',
            ),
          ]
        : [],
    );
  }
  return each(given, at('endpoints'), ({ address = '', network = '' }, path) => {
    if (address === '' && network !== '') return [];
    return isHostName(address) || isAddress(address)
      ? []
      : [
          error(
            'LAT1407',
            [...path, 'address'],
            `${JSON.stringify(address)} is neither a host name nor an address`,
            'write a name that DNS resolves',
          ),
        ];
  });
}
