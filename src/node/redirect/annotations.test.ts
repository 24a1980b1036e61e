import assert from 'node:assert/strict';
import { test } from 'node:test';
import { captureOptions } from './annotations.ts';
import { defaultCapture } from './capture-options.ts';

const key = (name: string) => `traffic.sidecar.istio.io/${name}`;

test('without annotations the defaults hold', () => {
  assert.deepEqual(captureOptions({ unrelated: 'x' }), { options: defaultCapture, findings: [] });
});

test('every annotation is read', () => {
  const { options, findings } = captureOptions({
    'sidecar.istio.io/interceptionMode': 'NONE',
    [key('includeInboundPorts')]: '80, 443',
    [key('excludeInboundPorts')]: '22',
    [key('includeOutboundIPRanges')]: '10.0.0.0/8,fd00::/8',
    [key('excludeOutboundIPRanges')]: '10.1.0.0/16',
    [key('includeOutboundPorts')]: '9000',
    [key('excludeOutboundPorts')]: '25,587',
    [key('excludeInterfaces')]: 'net1',
    'istio.io/reroute-virtual-interfaces': 'docker0',
  });
  assert.deepEqual(findings, []);
  assert.deepEqual(options, {
    ...defaultCapture,
    mode: 'NONE',
    includeInboundPorts: [80, 443],
    excludeInboundPorts: [22],
    includeOutboundCidrs: [
      { family: 4, text: '10.0.0.0/8' },
      { family: 6, text: 'fd00::/8' },
    ],
    excludeOutboundCidrs: [{ family: 4, text: '10.1.0.0/16' }],
    includeOutboundPorts: [9000],
    excludeOutboundPorts: [25, 587],
    excludeInterfaces: ['net1'],
    virtualInterfaces: ['docker0'],
  });
});

test('a star is everything, nothing is nothing', () => {
  const all = captureOptions({ [key('includeInboundPorts')]: '*', [key('includeOutboundIPRanges')]: ' * ' }).options;
  assert.deepEqual([all.includeInboundPorts, all.includeOutboundCidrs], ['*', '*']);
  const none = captureOptions({ [key('includeInboundPorts')]: '', [key('includeOutboundIPRanges')]: '' }).options;
  assert.deepEqual([none.includeInboundPorts, none.includeOutboundCidrs], [[], []]);
});

const bad: readonly (readonly [string, string])[] = [
  [key('includeInboundPorts'), '80,http'],
  [key('excludeInboundPorts'), '*'],
  [key('excludeOutboundPorts'), '65536'],
  [key('includeOutboundIPRanges'), '10.0.0.0/8,10.0.0.1'],
  [key('excludeOutboundIPRanges'), '10.0.0.0/33'],
  [key('excludeOutboundIPRanges'), 'fe80::1%eth0/64'],
  [key('excludeInterfaces'), 'eth0"; drop'],
  [key('excludeInterfaces'), 'an-interface-name-too-long'],
  ['sidecar.istio.io/interceptionMode', 'redirect'],
];

for (const [name, value] of bad) {
  test(`${name}: ${value} is refused, and its default holds`, () => {
    const { options, findings } = captureOptions({ [name]: value });
    assert.deepEqual(options, defaultCapture);
    assert.deepEqual(
      findings.map(({ code, severity, path }) => ({ code, severity, path })),
      [{ code: 'IST0125', severity: 'error', path: ['metadata', 'annotations', name] }],
    );
  });
}

test('TPROXY is answered with REDIRECT and a warning', () => {
  const { options, findings } = captureOptions({ 'sidecar.istio.io/interceptionMode': 'TPROXY' });
  assert.equal(options.mode, 'REDIRECT');
  assert.deepEqual(
    findings.map(({ code, severity }) => [code, severity]),
    [['LAT0001', 'warning']],
  );
});
