// The five parts of a proxy's configuration, in the order in which they are printed.

export const parts = ['listeners', 'routes', 'clusters', 'endpoints', 'secrets'] as const;
export type Part = (typeof parts)[number];
