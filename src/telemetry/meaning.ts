// What a word of Envoy's means to a person: the form in which flags, details and failed handshakes are told.

export interface Meaning {
  /** What happened: one clause. */
  readonly says: string;
  /** What to do about it. */
  readonly fix: string;
}
