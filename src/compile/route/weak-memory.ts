// What is made of texts that say all about it, found again as long as somebody holds it: for values that never change, of which there
// are too many for a cell each.

/** `make` with a memory: the same text gives the same value. */
export function rememberedWeakly<Rest extends readonly unknown[], T extends object>(
  make: (...rest: Rest) => T,
): (text: string, ...rest: Rest) => T {
  const kept = new Map<string, WeakRef<T>>();
  const dropped = new FinalizationRegistry((text: string) => {
    if (kept.get(text)?.deref() === undefined) kept.delete(text);
  });
  return (text, ...rest) => {
    const known = kept.get(text)?.deref();
    if (known !== undefined) return known;
    const made = make(...rest);
    kept.set(text, new WeakRef(made));
    dropped.register(made, text);
    return made;
  };
}
