// The script by which a route on demand computes its cluster's name from a request's host, and the same in TypeScript: for who
// explains what a proxy will do.

/** What a script is made for. */
export interface ComputedName {
  /** The table's. */
  readonly port: number;
  /** The caller's namespace, which short names are of. */
  readonly namespace: string;
  /** The cluster's domain. */
  readonly domain: string;
}

/** `Reviews:9080`, `reviews.default`, … → `outbound|9080||reviews.default.svc.cluster.local`; an address stays one. */
export const nameScript = ({ port, namespace, domain }: ComputedName): string => `local prefix = "outbound|${port}||"
local own = "${namespace}"
function envoy_on_route(handle)
  local host = handle:headers():get(":authority"):lower():gsub(":%d+$", "")
  local address = host:match("^%[(.*)%]$") or host:match("^%d+%.%d+%.%d+%.%d+$")
  if address then return prefix .. address end
  local name, namespace = host:match("^([^.]+)%.?([^.]*)")
  return prefix .. name .. "." .. (namespace == "" and own or namespace) .. ".svc.${domain}"
end
`;

/** What a script was made for; undefined for any other script. */
export function readNameScript(script: string): ComputedName | undefined {
  const [, port, namespace] = /^local prefix = "outbound\|(\d+)\|\|"\nlocal own = "([^"]*)"\n/.exec(script) ?? [];
  const [, domain] = /\.svc\.([^"]*)"\nend\n$/.exec(script) ?? [];
  if (port === undefined || namespace === undefined || domain === undefined) return undefined;
  const read = { port: Number(port), namespace, domain };
  return nameScript(read) === script ? read : undefined;
}

/** What the script says for a request's host. */
export function computedName({ port, namespace: own, domain }: ComputedName, authority: string): string {
  const host = authority.toLowerCase().replace(/:\d+$/, '');
  const address = /^\[(.*)\]$/.exec(host)?.[1] ?? /^\d+\.\d+\.\d+\.\d+$/.exec(host)?.[0];
  if (address !== undefined) return `outbound|${port}||${address}`;
  const [, name = '', namespace = ''] = /^([^.]+)\.?([^.]*)/.exec(host) ?? [];
  return `outbound|${port}||${name}.${namespace === '' ? own : namespace}.svc.${domain}`;
}
