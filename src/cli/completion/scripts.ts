// The completion scripts of bash, zsh and fish. Words that the shell cannot know are asked from `lateen completion words`.

import type { Completes } from '../verb.ts';
import type { VerbWords } from './tree.ts';

export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

export function completionScript(shell: Shell, tree: readonly VerbWords[]): string {
  return { bash: bashScript, zsh: zshScript, fish: fishScript }[shell](tree);
}

const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** What the shell runs or lists for an argument; `$1` and the like stay the shell's. */
function bashWords(what: Completes | undefined, kind: string): string {
  if (what === undefined) return 'COMPREPLY=()';
  if (what === 'files') return 'COMPREPLY=($(compgen -f -- "$cur"))';
  if (typeof what !== 'string') return `COMPREPLY=($(compgen -W ${quote(what.join(' '))} -- "$cur"))`;
  const asked = what === 'objects' ? `objects "${kind}"` : what;
  return `COMPREPLY=($(compgen -W "$(lateen completion words ${asked} 2>/dev/null)" -- "$cur"))`;
}

function bashScript(tree: readonly VerbWords[]): string {
  const cases = tree.map(({ name, options, completes }) => {
    const valued = options.filter(({ takesValue }) => takesValue);
    const values = valued.map(({ flags, value }) => `        ${flags.join('|')}) ${bashWords(value, '')}; return ;;`);
    const places = completes.map((what, index) => {
      const last = index === completes.length - 1;
      return `        ${index}${last ? '|*' : ''}) ${bashWords(what, '${args[0]}')} ;;`;
    });
    const flags = options.flatMap((option) => option.flags).join(' ');
    return `    ${name})
      case "$prev" in
${values.join('\n')}
      esac
      if [[ "$cur" == -* ]]; then COMPREPLY=($(compgen -W ${quote(`${flags} --help`)} -- "$cur")); return; fi
      case "\${#args[@]}" in
${places.length === 0 ? '        *) COMPREPLY=() ;;' : places.join('\n')}
      esac ;;`;
  });
  return `# bash completion for lateen: source <(lateen completion bash)
_lateen() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD-1]}" verb="\${COMP_WORDS[1]}" args=() i
  for ((i = 2; i < COMP_CWORD; i++)); do [[ "\${COMP_WORDS[i]}" == -* ]] || args+=("\${COMP_WORDS[i]}"); done
  if ((COMP_CWORD == 1)); then
    COMPREPLY=($(compgen -W ${quote(tree.map(({ name }) => name).join(' '))} -- "$cur"))
    return
  fi
  case "$verb" in
${cases.join('\n')}
  esac
}
complete -o filenames -o bashdefault -F _lateen lateen
`;
}

const zshWords = (what: Completes | undefined): string => {
  if (what === undefined) return ' ';
  if (what === 'files') return '_files';
  if (typeof what !== 'string') return `(${what.join(' ')})`;
  return what === 'objects' ? '_lateen_objects' : `_lateen_${what}`;
};

/** Brackets and colons part an `_arguments` specification. */
const zshText = (text: string): string => text.replaceAll(/[[\]:]/g, (sign) => `\\${sign}`);

function zshScript(tree: readonly VerbWords[]): string {
  const cases = tree.map(({ name, options, completes }) => {
    const specs = options.flatMap(({ flags, summary, takesValue, value }) =>
      flags.map((flag) => quote(`*${flag}[${zshText(summary)}]${takesValue ? `:value:${zshWords(value)}` : ''}`)),
    );
    const places = completes.map((what, index) =>
      quote(
        index === completes.length - 1 && index > 0 ? `*:argument:${zshWords(what)}` : `${index + 1}:argument:${zshWords(what)}`,
      ),
    );
    return `    ${name}) _arguments ${[...specs, ...places].join(' \\\n        ')} ;;`;
  });
  const described = tree.map(({ name, summary }) => quote(`${name}:${summary}`));
  return `#compdef lateen
# zsh completion for lateen: source <(lateen completion zsh)
_lateen_kinds() { compadd -- \${(f)"$(lateen completion words kinds 2>/dev/null)"} }
_lateen_workloads() { compadd -- \${(f)"$(lateen completion words workloads 2>/dev/null)"} }
_lateen_objects() { compadd -- \${(f)"$(lateen completion words objects "\${line[1]}" 2>/dev/null)"} }
_lateen() {
  local -a verbs=(${described.join(' ')})
  if ((CURRENT == 2)); then _describe verb verbs; return; fi
  local verb="\${words[2]}"
  words=("\${words[@]:1}"); ((CURRENT--))
  case "$verb" in
${cases.join('\n')}
  esac
}
compdef _lateen lateen
`;
}

function fishWords(what: Completes | undefined): string {
  if (what === undefined) return ' -f';
  if (what === 'files') return ' -F';
  if (typeof what !== 'string') return ` -f -a ${quote(what.join(' '))}`;
  if (what === 'objects') return " -f -a '(lateen completion words objects (commandline -opc)[3] 2>/dev/null)'";
  return ` -f -a ${quote(`(lateen completion words ${what} 2>/dev/null)`)}`;
}

function fishScript(tree: readonly VerbWords[]): string {
  const lines = tree.flatMap(({ name, summary, options, completes }) => {
    const seen = `-n '__fish_seen_subcommand_from ${name}'`;
    const places = completes.map((what, index) => {
      const count = index === completes.length - 1 ? `-ge ${index + 2}` : `-eq ${index + 2}`;
      return `complete -c lateen -n '__fish_seen_subcommand_from ${name}; and test (count (commandline -opc)) ${count}'${fishWords(what)}`;
    });
    const flags = options.map(({ flags: names, summary: does, takesValue, value }) => {
      const spelled = names.map((flag) => (flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`)).join(' ');
      return `complete -c lateen ${seen} ${spelled} -d ${quote(does)}${takesValue ? ` -r${fishWords(value)}` : ''}`;
    });
    return [`complete -c lateen -n __fish_use_subcommand -f -a ${name} -d ${quote(summary)}`, ...places, ...flags];
  });
  return `# fish completion for lateen: lateen completion fish | source\n${lines.join('\n')}\n`;
}
