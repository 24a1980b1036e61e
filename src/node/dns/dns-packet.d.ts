// The part of dns-packet that this room calls: the package has no types of its own.

declare module 'dns-packet' {
  export interface Question {
    readonly name: string;
    /** `A`, `AAAA`, …; `UNKNOWN_65` for types that the package does not know. */
    readonly type: string;
    readonly class: string;
  }

  export interface SrvData {
    readonly priority: number;
    readonly weight: number;
    readonly port: number;
    readonly target: string;
  }

  export interface SoaData {
    readonly mname: string;
    readonly rname: string;
    readonly serial: number;
    readonly refresh: number;
    readonly retry: number;
    readonly expire: number;
    readonly minimum: number;
  }

  export type Answer =
    | { readonly type: 'A' | 'AAAA' | 'CNAME' | 'PTR'; readonly name: string; readonly ttl: number; readonly data: string }
    | { readonly type: 'SRV'; readonly name: string; readonly ttl: number; readonly data: SrvData }
    | { readonly type: 'SOA'; readonly name: string; readonly ttl: number; readonly data: SoaData }
    | {
        readonly type: 'OPT';
        readonly name: '.';
        readonly udpPayloadSize: number;
        readonly flags: number;
        readonly options: readonly never[];
      };

  export interface Packet {
    readonly id?: number;
    readonly type?: 'query' | 'response';
    readonly flags?: number;
    readonly questions?: readonly Question[];
    readonly answers?: readonly Answer[];
    readonly authorities?: readonly Answer[];
    readonly additionals?: readonly Answer[];
  }

  /** A decoded packet may hold records of any type: what a caller needs of them it checks. */
  export interface Decoded {
    readonly id: number;
    readonly type: 'query' | 'response';
    readonly flags: number;
    readonly rcode: string;
    readonly questions: readonly Question[];
    readonly answers: readonly { readonly name: string; readonly type: string; readonly ttl?: number; readonly data?: unknown }[];
    readonly authorities: Decoded['answers'];
    readonly additionals: readonly { readonly type: string; readonly udpPayloadSize?: number }[];
  }

  export function encode(packet: Packet): Buffer;
  /** Throws on damage. */
  export function decode(buffer: Buffer): Decoded;
  export function encodingLength(packet: Packet): number;
  export const answer: { encodingLength(answer: Answer): number };
}
