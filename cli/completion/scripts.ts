/**
 * What each shell runs once so that it asks `mcp2 complete` at each tab.
 *
 * bash and zsh hand over the line in COMP_LINE, so that nothing of what is being typed is ever evaluated; no other package is
 * needed. Where we know of nothing they complete names of files.
 */

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

const BASH = `# bash completion of mcp2
complete -o default -C 'mcp2 complete' mcp2`;

const ZSH = `#compdef mcp2
# zsh completion of mcp2
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
autoload -Uz +X bashcompinit && bashcompinit
complete -o default -C 'mcp2 complete' mcp2`;

const FISH = `# fish completion of mcp2
function __mcp2_complete
    set -l words (commandline -opc)
    mcp2 complete --described -- $words[2..-1] (commandline -ct)
end
complete -c mcp2 -a '(__mcp2_complete)'`;

const SCRIPTS: Readonly<Record<Shell, string>> = { bash: BASH, zsh: ZSH, fish: FISH };

export function scriptFor(shell: Shell): string {
  return SCRIPTS[shell];
}

/**
 * The words of a line up to the cursor; the last is what is being typed. Quotes are taken off, nothing else is done to them.
 *
 * @param point In bytes, as bash counts them in COMP_POINT.
 */
export function wordsOf(line: string, point: number): readonly string[] {
  const typed = Buffer.from(line).subarray(0, point).toString('utf8');
  const words = typed.match(/(?:[^\s"'\\]|\\.?|"(?:[^"\\]|\\.)*"?|'[^']*'?)+/g) ?? [];
  const plain = words.map((word) => word.replace(/^["']|["']$/g, '').replaceAll(/\\(.)/g, '$1'));
  return /\s$/.test(typed) ? [...plain, ''] : plain;
}
