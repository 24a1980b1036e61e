import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CaptureOptions, defaultCapture, proxyMark } from './capture-options.ts';
import { parseCidr } from './cidr.ts';
import { iptablesHooks, iptablesScript } from './iptables.ts';
import { nftablesScript } from './nftables.ts';
import { captureSet } from './rules.ts';

const cidr = (text: string) => {
  const parsed = parseCidr(text);
  assert.ok(parsed);
  return parsed;
};

const full: CaptureOptions = {
  ...defaultCapture,
  excludeInboundPorts: [22, 9000],
  includeOutboundCidrs: [cidr('10.0.0.0/8'), cidr('fd00::/8')],
  excludeOutboundCidrs: [cidr('10.9.0.0/16')],
  includeOutboundPorts: [443],
  excludeOutboundPorts: [25],
  excludeInterfaces: ['net1', 'eth+'],
  virtualInterfaces: ['docker0'],
  probeSources: [
    { address: cidr('169.254.7.127'), ports: [8080] },
    { address: cidr('fd16::1'), ports: [] },
  ],
  dns: { port: 15053, servers: [cidr('10.96.0.10')] },
};

/** The rules without what explains them. */
const bare = (script: string) => script.replaceAll(/ comment "[^"]*"/g, '');

test('the default set, in Istio’s order', () => {
  assert.equal(
    bare(nftablesScript(captureSet(defaultCapture))),
    `add table inet lateen
delete table inet lateen
table inet lateen {
  chain redirect-outbound {
    meta l4proto tcp redirect to :15001
  }
  chain redirect-inbound {
    meta l4proto tcp redirect to :15006
  }
  chain inbound {
    tcp dport 15008 return
    tcp dport { 15090, 15021, 15020, 15000 } return
    jump redirect-inbound
  }
  chain prerouting {
    type nat hook prerouting priority -100; policy accept;
    meta l4proto tcp jump inbound
  }
  chain output {
    type nat hook output priority -100; policy accept;
    oifname "lo" ip saddr 127.0.0.6/32 return
    oifname "lo" ip6 saddr ::6/128 return
    oifname "lo" ip daddr != 127.0.0.1/32 tcp dport != 15008 meta skuid 1337 jump redirect-inbound
    oifname "lo" ip6 daddr != ::1/128 tcp dport != 15008 meta skuid 1337 jump redirect-inbound
    oifname "lo" meta skuid != 1337 return
    meta skuid 1337 return
    oifname "lo" ip daddr != 127.0.0.1/32 tcp dport != 15008 meta skgid 1337 jump redirect-inbound
    oifname "lo" ip6 daddr != ::1/128 tcp dport != 15008 meta skgid 1337 jump redirect-inbound
    oifname "lo" meta skgid != 1337 return
    meta skgid 1337 return
    ip daddr 127.0.0.1/32 return
    ip6 daddr ::1/128 return
    jump redirect-outbound
  }
}
`,
  );
});

test('a mark stands in for user and group', () => {
  const output = bare(nftablesScript(captureSet({ ...defaultCapture, proxy: proxyMark }))).split('chain output')[1];
  assert.equal(
    output,
    ` {
    type nat hook output priority -100; policy accept;
    oifname "lo" ip saddr 127.0.0.6/32 return
    oifname "lo" ip6 saddr ::6/128 return
    oifname "lo" ip daddr != 127.0.0.1/32 tcp dport != 15008 meta mark 0x539 jump redirect-inbound
    oifname "lo" ip6 daddr != ::1/128 tcp dport != 15008 meta mark 0x539 jump redirect-inbound
    oifname "lo" meta mark != 0x539 return
    meta mark 0x539 return
    ip daddr 127.0.0.1/32 return
    ip6 daddr ::1/128 return
    jump redirect-outbound
  }
}
`,
  );
});

test('every option, in Istio’s order', () => {
  const [, inbound = '', prerouting = '', output = ''] = bare(nftablesScript(captureSet(full))).split(
    /chain (?:inbound|prerouting|output) /,
  );
  assert.equal(
    inbound,
    `{
    tcp dport 15008 return
    ip saddr 169.254.7.127/32 tcp dport 8080 return
    ip6 saddr fd16::1/128 meta l4proto tcp return
    tcp dport { 15090, 15021, 15020, 15000, 22, 9000 } return
    jump redirect-inbound
  }
  `,
  );
  assert.equal(
    prerouting,
    `{
    type nat hook prerouting priority -100; policy accept;
    iifname "docker0" ip daddr 10.0.0.0/8 jump redirect-outbound
    iifname "docker0" ip6 daddr fd00::/8 jump redirect-outbound
    iifname "docker0" return
    iifname "net1" return
    iifname "eth*" return
    meta l4proto tcp jump inbound
  }
  `,
  );
  assert.equal(
    output,
    `{
    type nat hook output priority -100; policy accept;
    oifname "net1" return
    oifname "eth*" return
    tcp dport 25 return
    udp dport 25 return
    oifname "lo" ip saddr 127.0.0.6/32 return
    oifname "lo" ip6 saddr ::6/128 return
    oifname "lo" ip daddr != 127.0.0.1/32 tcp dport != { 53, 15008 } meta skuid 1337 jump redirect-inbound
    oifname "lo" ip6 daddr != ::1/128 tcp dport != { 53, 15008 } meta skuid 1337 jump redirect-inbound
    oifname "lo" tcp dport != 53 meta skuid != 1337 return
    meta skuid 1337 return
    oifname "lo" ip daddr != 127.0.0.1/32 tcp dport != 15008 meta skgid 1337 jump redirect-inbound
    oifname "lo" ip6 daddr != ::1/128 tcp dport != 15008 meta skgid 1337 jump redirect-inbound
    oifname "lo" tcp dport != 53 meta skgid != 1337 return
    meta skgid 1337 return
    ip daddr 10.96.0.10/32 udp dport 53 redirect to :15053
    ip daddr 10.96.0.10/32 tcp dport 53 redirect to :15053
    ip daddr 127.0.0.1/32 return
    ip6 daddr ::1/128 return
    ip daddr 10.9.0.0/16 return
    tcp dport 443 jump redirect-outbound
    ip daddr 10.0.0.0/8 jump redirect-outbound
    ip6 daddr fd00::/8 jump redirect-outbound
  }
}
`,
  );
});

test('nothing is captured where nothing is included', () => {
  const script = nftablesScript(captureSet({ ...defaultCapture, includeInboundPorts: [], includeOutboundCidrs: [] }));
  assert.doesNotMatch(script, /every other/);
  assert.equal(script.match(/jump redirect-outbound/g), null);
});

test('an included loopback range is captured', () => {
  const script = nftablesScript(captureSet({ ...defaultCapture, includeOutboundCidrs: [cidr('127.0.0.0/8')] }));
  assert.doesNotMatch(script, /calls itself/);
});

test('mode NONE takes the table away', () => {
  assert.equal(
    nftablesScript(captureSet({ ...defaultCapture, mode: 'NONE' })),
    'add table inet lateen\ndelete table inet lateen\n',
  );
});

test('iptables has the same rules, each family its own', () => {
  const v4 = iptablesScript(captureSet(full), 4, []);
  assert.equal(
    v4,
    `*nat
:LATEEN_PREROUTING - [0:0]
:LATEEN_OUTPUT - [0:0]
:LATEEN_INBOUND - [0:0]
:LATEEN_REDIRECT - [0:0]
:LATEEN_IN_REDIRECT - [0:0]
-A LATEEN_REDIRECT -p tcp -j REDIRECT --to-ports 15001
-A LATEEN_IN_REDIRECT -p tcp -j REDIRECT --to-ports 15006
-A LATEEN_INBOUND -p tcp --dport 15008 -j RETURN
-A LATEEN_INBOUND -s 169.254.7.127/32 -p tcp --dport 8080 -j RETURN
-A LATEEN_INBOUND -p tcp -m multiport --dports 15090,15021,15020,15000,22,9000 -j RETURN
-A LATEEN_INBOUND -j LATEEN_IN_REDIRECT
-A LATEEN_PREROUTING -i docker0 -d 10.0.0.0/8 -j LATEEN_REDIRECT
-A LATEEN_PREROUTING -i docker0 -j RETURN
-A LATEEN_PREROUTING -i net1 -j RETURN
-A LATEEN_PREROUTING -i eth+ -j RETURN
-A LATEEN_PREROUTING -p tcp -j LATEEN_INBOUND
-A LATEEN_OUTPUT -o net1 -j RETURN
-A LATEEN_OUTPUT -o eth+ -j RETURN
-A LATEEN_OUTPUT -p tcp --dport 25 -j RETURN
-A LATEEN_OUTPUT -p udp --dport 25 -j RETURN
-A LATEEN_OUTPUT -o lo -s 127.0.0.6/32 -j RETURN
-A LATEEN_OUTPUT -o lo ! -d 127.0.0.1/32 -p tcp -m multiport ! --dports 53,15008 -m owner --uid-owner 1337 -j LATEEN_IN_REDIRECT
-A LATEEN_OUTPUT -o lo -p tcp ! --dport 53 -m owner ! --uid-owner 1337 -j RETURN
-A LATEEN_OUTPUT -m owner --uid-owner 1337 -j RETURN
-A LATEEN_OUTPUT -o lo ! -d 127.0.0.1/32 -p tcp ! --dport 15008 -m owner --gid-owner 1337 -j LATEEN_IN_REDIRECT
-A LATEEN_OUTPUT -o lo -p tcp ! --dport 53 -m owner ! --gid-owner 1337 -j RETURN
-A LATEEN_OUTPUT -m owner --gid-owner 1337 -j RETURN
-A LATEEN_OUTPUT -d 10.96.0.10/32 -p udp --dport 53 -j REDIRECT --to-ports 15053
-A LATEEN_OUTPUT -d 10.96.0.10/32 -p tcp --dport 53 -j REDIRECT --to-ports 15053
-A LATEEN_OUTPUT -d 127.0.0.1/32 -j RETURN
-A LATEEN_OUTPUT -d 10.9.0.0/16 -j RETURN
-A LATEEN_OUTPUT -p tcp --dport 443 -j LATEEN_REDIRECT
-A LATEEN_OUTPUT -d 10.0.0.0/8 -j LATEEN_REDIRECT
-A PREROUTING -j LATEEN_PREROUTING
-A OUTPUT -j LATEEN_OUTPUT
COMMIT
`,
  );
  const v6 = iptablesScript(captureSet(full), 6, iptablesHooks);
  assert.match(v6, /-s fd16::1\/128 -p tcp -j RETURN/);
  assert.doesNotMatch(v6, /\d\.\d/, 'no IPv4 address');
  assert.doesNotMatch(v6, /-A (PREROUTING|OUTPUT)/, 'jumps that are there are not added again');
});

test('iptables takes away what is there', () => {
  const script = iptablesScript([], 4, iptablesHooks);
  assert.match(script, /^-D OUTPUT -j LATEEN_OUTPUT$/m);
  assert.match(script, /^-X LATEEN_IN_REDIRECT$/m);
});

test('more ports than multiport takes are more rules', () => {
  const ports = Array.from({ length: 20 }, (_, index) => 1000 + index);
  const script = iptablesScript(captureSet({ ...defaultCapture, includeInboundPorts: ports }), 4, []);
  const rules = script.split('\n').filter((line) => line.startsWith('-A LATEEN_INBOUND -p tcp -m multiport --dports 10'));
  assert.deepEqual(
    rules.map((rule) => rule.split(',').length),
    [15, 5],
  );
});
