// Numbers for objects, so that a cell can be keyed by exactly which objects it is made from.

const numbers = new WeakMap<object, number>();
let next = 1;

/** The same number for the same object as long as the process lives. Never part of any output. */
export function identityOf(object: object | undefined): number {
  if (object === undefined) return 0;
  let number = numbers.get(object);
  if (number === undefined) numbers.set(object, (number = next++));
  return number;
}
