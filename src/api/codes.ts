// The codes of everything that api/ can find wrong, each with its title: the source of the reference page on messages.

export const codes = {
  LAT0001: 'Accepted, not yet in effect',
  LAT1000: 'The document is not an object of a kind',
  LAT1001: 'A value has the wrong type',
  LAT1002: 'A field is not known',
  LAT1003: 'A value is not allowed',
  LAT1004: 'A field is missing',
  LAT1005: 'The kind is not one that Lateen reads',
  LAT1006: 'The name or namespace is not valid',
  LAT1007: 'A label or annotation is not valid',
  LAT1008: 'A value is nested too deeply',
  LAT1010: 'A value in a Secret is not base64',
  LAT1011: 'The selector does not match the template',
  LAT1903: 'An extension provider is not of exactly one kind',
  LAT1904: 'Two extension providers have one name',
} as const satisfies Readonly<Record<string, string>>;

export type Code = keyof typeof codes;
