// Label selectors as kubectl writes them (`app=x,env!=prod,tier in (a,b),!legacy`). Used by get and delete.

export type LabelTest = (labels: Readonly<Record<string, string>>) => boolean;

const requirement =
  /^\s*(?:!\s*(?<absent>[\w./-]+)|(?<key>[\w./-]+)\s*(?:(?<operator>==?|!=)\s*(?<value>[\w.-]*)|\s(?<set>in|notin)\s*\((?<values>[^)]*)\))?)\s*$/;

/** The test that a selector makes, or undefined where it is not one. An empty selector takes everything. */
export function parseSelector(text: string): LabelTest | undefined {
  const tests: LabelTest[] = [];
  // Commas inside brackets separate values, not requirements.
  for (const part of text.trim() === '' ? [] : text.split(/,(?![^(]*\))/)) {
    const groups = requirement.exec(part)?.groups;
    if (groups === undefined) return undefined;
    tests.push(testOf(groups));
  }
  return (labels) => tests.every((test) => test(labels));
}

function testOf({ absent, key = '', operator, value = '', set, values = '' }: Record<string, string | undefined>): LabelTest {
  if (absent !== undefined) return (labels) => labels[absent] === undefined;
  if (set !== undefined) {
    const wanted = new Set(values.split(',').map((item) => item.trim()));
    return (labels) => wanted.has(labels[key] ?? '') === (set === 'in') && (set === 'notin' || labels[key] !== undefined);
  }
  if (operator === undefined) return (labels) => labels[key] !== undefined;
  return (labels) => (labels[key] === value) === (operator !== '!=');
}
