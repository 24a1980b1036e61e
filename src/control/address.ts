// Addresses to listen on, as options give them: `127.0.0.1:15010`, `[::1]:15010`, `:15010`, `15010`.

import { isIP } from 'node:net';

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** Undefined where the text is no address. A port alone means loopback, `:PORT` every address. */
export function parseAddress(text: string): ListenAddress | undefined {
  const match = /^(?:\[(?<v6>[^\]]+)\]:|(?<host>[^:]*)(?<colon>:))?(?<port>\d{1,5})$/.exec(text);
  const { v6, host, colon, port: digits } = match?.groups ?? {};
  const port = Number(digits);
  if (match === null || port > 65_535) return undefined;
  if (v6 !== undefined) return isIP(v6) === 6 ? { host: v6, port } : undefined;
  if (colon === undefined) return { host: '127.0.0.1', port };
  if (host === undefined || host === '') return { host: '0.0.0.0', port };
  return isIP(host) === 4 || host === 'localhost' ? { host, port } : undefined;
}

export const addressText = ({ host, port }: ListenAddress): string => `${host.includes(':') ? `[${host}]` : host}:${port}`;
