// Reads a pod's `traffic.sidecar.istio.io/…` annotations into capture options; what is wrong with them comes back as findings.

import type { Finding } from '../../api/kind.ts';
import { checkInterception } from '../../api/shared/proxy-settings.ts';
import { type CaptureOptions, defaultCapture, type InterceptionMode } from './capture-options.ts';
import { type Cidr, parseCidr } from './cidr.ts';

/** The options of one workload, and what was wrong: an annotation with a bad value is ignored whole, so its default holds. */
export interface ReadCapture {
  readonly options: CaptureOptions;
  /** Paths start at the pod: `metadata.annotations.KEY`. */
  readonly findings: readonly Finding[];
}

type Setting<Value> = (text: string) => Value | undefined;

const list =
  <Item>(item: Setting<Item>): Setting<readonly Item[]> =>
  (text) => {
    const words = text.split(',').map((word) => word.trim());
    const items = words.filter((word) => word !== '').map(item);
    return items.every((found) => found !== undefined) ? items : undefined;
  };

const all =
  <Value>(setting: Setting<Value>): Setting<Value | '*'> =>
  (text) =>
    text.trim() === '*' ? '*' : setting(text);

const port: Setting<number> = (text) => (/^\d{1,5}$/.test(text) && Number(text) <= 65535 ? Number(text) : undefined);

/** Istio takes ranges here, not bare addresses. */
const range: Setting<Cidr> = (text) => (text.includes('/') ? parseCidr(text) : undefined);

/** A Linux interface name, or its beginning and `+`. Nothing that could end a string in a rule script. */
const networkInterface: Setting<string> = (text) => (/^[\w.@:-]{1,15}\+?$/.test(text) ? text : undefined);

const mode: Setting<InterceptionMode> = (text) => (['REDIRECT', 'TPROXY', 'NONE'] as const).find((known) => known === text);

const traffic = 'traffic.sidecar.istio.io/';
const ports = 'give TCP ports from 0 to 65535, separated by commas';
const ranges = 'give ranges such as 10.0.0.0/8, separated by commas';
const interfaces = 'give interface names of up to 15 characters, separated by commas';

/**
 * The capture options that a pod's annotations ask for, over `defaults`. `includeOutboundIPRanges` and `includeInboundPorts`
 * take `*`; empty, they capture nothing in that direction.
 */
export function captureOptions(
  annotations: Readonly<Record<string, string>>,
  defaults: CaptureOptions = defaultCapture,
): ReadCapture {
  const findings: Finding[] = [];
  const read = <Value>(key: string, setting: Setting<Value>, otherwise: Value, help: string): Value => {
    const text = annotations[key];
    if (text === undefined) return otherwise;
    const value = setting(text);
    if (value !== undefined) return value;
    const message = `${key} has the value "${text.slice(0, 200)}", which is ignored`;
    findings.push({ code: 'IST0125', severity: 'error', path: ['metadata', 'annotations', key], message, help });
    return otherwise;
  };

  const modeKey = 'sidecar.istio.io/interceptionMode';
  const wanted = read<InterceptionMode>(modeKey, mode, defaults.mode, 'give REDIRECT, TPROXY or NONE');
  findings.push(...checkInterception(wanted, ['metadata', 'annotations', modeKey]));

  const rerouted = read('istio.io/reroute-virtual-interfaces', list(networkInterface), defaults.virtualInterfaces, interfaces);
  const options: CaptureOptions = {
    ...defaults,
    mode: wanted === 'TPROXY' ? 'REDIRECT' : wanted,
    includeInboundPorts: read(`${traffic}includeInboundPorts`, all(list(port)), defaults.includeInboundPorts, `${ports}, or *`),
    excludeInboundPorts: read(`${traffic}excludeInboundPorts`, list(port), defaults.excludeInboundPorts, ports),
    includeOutboundCidrs: read(
      `${traffic}includeOutboundIPRanges`,
      all(list(range)),
      defaults.includeOutboundCidrs,
      `${ranges}, or *`,
    ),
    excludeOutboundCidrs: read(`${traffic}excludeOutboundIPRanges`, list(range), defaults.excludeOutboundCidrs, ranges),
    includeOutboundPorts: read(`${traffic}includeOutboundPorts`, list(port), defaults.includeOutboundPorts, ports),
    excludeOutboundPorts: read(`${traffic}excludeOutboundPorts`, list(port), defaults.excludeOutboundPorts, ports),
    excludeInterfaces: read(`${traffic}excludeInterfaces`, list(networkInterface), defaults.excludeInterfaces, interfaces),
    virtualInterfaces: read(`${traffic}kubevirtInterfaces`, list(networkInterface), rerouted, interfaces),
  };
  return { options, findings };
}
