// Envoy's substitution formats (`%REQ(x)%`, `%DOWNSTREAM_LOCAL_PORT%`): what they make of a request, as far as it is known before it
// is sent on.

import { celText } from './cel.ts';
import { headerName, type Headers } from './headers.ts';
import type { Passage } from './passage.ts';
import { addressText, doubtOf } from './request.ts';

/** The text with every operator whose value is known replaced; others stay as they are written. `%%` is a percent sign. */
export function formatted(text: string, passage: Passage, headers: Headers | undefined): string {
  return text.replaceAll(
    /%([A-Z_]+)(?:\(((?:[^()]|\([^()]*\))*\)?)\))?(?::(\d+))?%|%%/g,
    (whole, operator?: string, argument = '', length?: string) => {
      if (operator === undefined) return '%';
      const value = operand(operator, argument, passage, headers);
      return value === undefined ? whole : length === undefined ? value : value.slice(0, Number(length));
    },
  );
}

function operand(operator: string, argument: string, passage: Passage, headers: Headers | undefined): string | undefined {
  const { local, remote, request, sni, ended } = passage;
  switch (operator) {
    case 'REQ': {
      if (headers === undefined) return undefined;
      const [name = '', other] = argument.split('?');
      // The first of several values counts.
      const first = (of: string | undefined) => (of === undefined ? undefined : headers.get(headerName(of))?.[0]);
      // One that nobody wrote down stays as it is written.
      return first(name) ?? first(other) ?? (doubtOf(request) === undefined ? '' : undefined);
    }
    case 'DOWNSTREAM_LOCAL_ADDRESS':
      return addressText(local);
    case 'DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT':
      return local.address;
    case 'DOWNSTREAM_LOCAL_PORT':
      return String(local.port);
    case 'DOWNSTREAM_REMOTE_ADDRESS':
      return addressText({ address: remote.address, port: remote.port ?? 0 });
    case 'DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT':
      return remote.address;
    case 'DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT':
      return request.source.address;
    case 'REQUESTED_SERVER_NAME':
      return sni === '' ? '-' : sni;
    case 'DOWNSTREAM_PEER_URI_SAN':
      return ended?.identity ?? '-';
    case 'PROTOCOL':
      return request.kind === 'http' ? request.version : '-';
    case 'CEL':
      return celText(argument, passage, headers);
    case 'FILTER_STATE':
      return passage.state.get(argument.split(':')[0] ?? '');
    default:
      return undefined;
  }
}
