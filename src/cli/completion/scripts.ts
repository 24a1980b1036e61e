// The completion scripts of bash, zsh and fish. Words that no script can know are asked from `lateen completion words`, with the line so
// far: it answers what fits there, one a line.

import type { Completes } from '../verb.ts';
import type { VerbWords } from './tree.ts';

export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

export function completionScript(shell: Shell, tree: readonly VerbWords[]): string {
  return { bash: bashScript, zsh: zshScript, fish: fishScript }[shell](tree);
}

const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** What is found for the current word; `_lateen_ask` never lets the shell expand what it was told. */
function bashWords(what: Completes | undefined): string {
  if (what === undefined) return ':';
  if (what === 'files') return '_lateen_files';
  return typeof what === 'string' ? `_lateen_ask ${what}` : `_lateen_fixed ${quote(what.join(' '))}`;
}

function bashScript(tree: readonly VerbWords[]): string {
  const valued = tree.map(({ name, options }) => {
    const flags = options.flatMap((option) => (option.takesValue ? option.flags : []));
    return `    ${name}) valued=${quote(` ${flags.join(' ')} `)} ;;`;
  });
  const cases = tree.map(({ name, options, completes }) => {
    const values = options
      .filter(({ takesValue }) => takesValue)
      .map(({ flags, value }) => `        ${flags.join('|')}) ${bashWords(value)}; return ;;`);
    const places = completes.map((what, index) => {
      const last = index === completes.length - 1;
      return `        ${index}${last ? '|*' : ''}) ${bashWords(what)} ;;`;
    });
    const flags = options.flatMap((option) => option.flags).join(' ');
    return `    ${name})
      case "$prev" in
${values.join('\n')}
      esac
      if [[ "$cur" == -* ]]; then _lateen_fixed ${quote(`${flags} --help`)}; return; fi
      case "$place" in
${places.length === 0 ? '        *) ;;' : places.join('\n')}
      esac ;;`;
  });
  return `# bash completion for lateen: source <(lateen completion bash)
_lateen_fixed() { COMPREPLY=($(compgen -W "$1" -- "$cur")); }
_lateen_lines() { local word; while IFS= read -r word; do COMPREPLY+=("$word"); done; }
_lateen_files() { compopt -o filenames 2>/dev/null; _lateen_lines < <(compgen -f -- "$cur"); }
_lateen_ask() {
  _lateen_lines < <(lateen completion words "$1" -- "\${words[@]}" 2>/dev/null)
  # What can go on is not closed by a space.
  [[ "\${#COMPREPLY[@]}" == 1 && "\${COMPREPLY[0]}" == */ ]] && compopt -o nospace 2>/dev/null
}
_lateen_line() {
  case "$verb" in
${valued.join('\n')}
  esac
  for ((i = 2; i < \${#words[@]} - 1; i++)); do
    if [[ "$valued" == *" \${words[i]} "* ]]; then ((i++)); elif [[ "\${words[i]}" != -* ]]; then ((place++)); fi
  done
  case "$verb" in
${cases.join('\n')}
  esac
}
_lateen() {
  # Not COMP_WORDS: bash parts them at colons, too.
  local line="\${COMP_LINE:0:COMP_POINT}" cur prev verb valued='' part lead i place=0
  local -a words=()
  read -ra words <<< "$line"
  [[ "$line" == *[[:space:]] ]] && words+=('')
  cur="\${words[\${#words[@]}-1]}"
  verb="\${words[1]}"
  COMPREPLY=()
  if ((\${#words[@]} < 3)); then _lateen_fixed ${quote(tree.map(({ name }) => name).join(' '))}; return; fi
  prev="\${words[\${#words[@]}-2]}"
  _lateen_line
  part="\${cur##*[:=]}"
  lead="\${cur%"$part"}"
  if [[ -n "$lead" && "$COMP_WORDBREAKS" == *:* ]]; then COMPREPLY=("\${COMPREPLY[@]#"$lead"}"); fi
}
complete -o bashdefault -F _lateen lateen
`;
}

const zshWords = (what: Completes | undefined): string => {
  if (what === undefined) return ' ';
  if (what === 'files') return '_files';
  return typeof what === 'string' ? ` _lateen_ask ${what}` : `(${what.join(' ')})`;
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
_lateen_ask() {
  local -a found ending
  found=("\${(@f)$(lateen completion words "$1" -- "\${lateen_line[@]}" 2>/dev/null)}")
  [[ "$1" == destinations ]] && ending=(-S '')
  [[ -n "\${found[1]}" ]] && compadd "\${ending[@]}" -a found
}
_lateen() {
  local -a verbs=(${described.join(' ')})
  if ((CURRENT == 2)); then _describe verb verbs; return; fi
  local -a lateen_line=("\${(@)words[1,CURRENT]}")
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
  return ` -f -a ${quote(`(lateen completion words ${what} -- (commandline -opc) (commandline -ct) 2>/dev/null)`)}`;
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
