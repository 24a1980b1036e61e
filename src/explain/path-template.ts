// Envoy's path templates (`/a/{name}/**`): matching, and rewriting by what the names took.

/** What one segment may hold where a template has `*`. */
const segment = String.raw`[\w\-.~%!$&'()+,;:@=]`;

/** The variables of a path that a template matches; undefined if it does not. */
export function matchTemplate(template: string, path: string): Readonly<Record<string, string>> | undefined {
  const names: string[] = [];
  const source = template.replaceAll(
    /\{([A-Za-z]\w*)(?:=([^}]*))?\}|\*\*|\*|[^{*]+/g,
    (part, name: string | undefined, pattern: string | undefined) => {
      if (name !== undefined) {
        names.push(name);
        return `(${wild(pattern ?? '*')})`;
      }
      return wild(part);
    },
  );
  const found = new RegExp(`^${source}$`).exec(path);
  if (found === null) return undefined;
  return Object.fromEntries(names.map((name, index) => [name, found[index + 1] ?? '']));
}

const wild = (pattern: string): string =>
  pattern.replaceAll(/\*\*|\*|[^*]+/g, (part) =>
    part === '**' ? `(?:${segment}|/)*` : part === '*' ? `${segment}+` : part.replaceAll(/[$.+?()[\]{}|^\\]/g, '\\$&'),
  );

/** A template of a rewritten path, with what its names took of the old one. */
export const fillTemplate = (template: string, variables: Readonly<Record<string, string>>): string =>
  template.replaceAll(/\{([A-Za-z]\w*)\}/g, (_, name: string) => variables[name] ?? '');
