// Why the certificate authority turned somebody away: a value that its callers show or send, never thrown.

/** `unauthenticated`: who are you; `forbidden`: not yours to ask; `invalid`: the request itself is wrong. */
export type RefusalReason = 'unauthenticated' | 'forbidden' | 'invalid';

export interface Refusal {
  readonly refused: RefusalReason;
  /** One sentence, safe to send to the peer: it names what was wrong and never holds a secret. */
  readonly message: string;
}

export const refuse = (refused: RefusalReason, message: string): Refusal => ({ refused, message });

/** Narrows the answer of anything that may refuse. */
export const isRefusal = (value: object): value is Refusal => 'refused' in value;
