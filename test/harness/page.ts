/** A page of documentation as its reader takes it: commands to type, what they print, and files to save. */

export interface Block {
  /** "sh", "yaml"; "" for none. */
  readonly language: string;
  readonly text: string;
  /** The file that its first line names in a comment: "# shop/shop.yaml", "// petshop.mts", "-- schema.sql". */
  readonly file: string | undefined;
}

/** A line that a reader types. */
export interface Example {
  readonly command: string;
  /** What the page shows of its output, in a console block; such a command may also fail. */
  readonly shown?: string;
}

const BLOCK = /^```([a-z]*)\n([\s\S]*?)^```$/gm;
const FILE_NAME = /^(?:#|\/\/|--) ([\w./-]+\.[a-z]+)\n/;

/** In the order of the page. */
export function readBlocks(page: string): readonly Block[] {
  return [...page.matchAll(BLOCK)].map(([, language = '', text = '']) => {
    return { language, text, file: FILE_NAME.exec(text)?.[1] };
  });
}

/** The files that the page says to save, by their names. */
export function filesOf(page: string): ReadonlyMap<string, string> {
  return new Map(readBlocks(page).flatMap(({ file, text }) => (file === undefined ? [] : [[file, text] as const])));
}

/** The lines of `sh` and `console` blocks, in the order of the page. */
export function examplesOf(page: string): readonly Example[] {
  return readBlocks(page).flatMap(({ language, text }) => {
    if (language === 'sh') return commandLines(text).map((command) => ({ command }));
    return language === 'console' ? dialogues(text) : [];
  });
}

/** Commands of the `sh` blocks below one heading ("On Kubernetes"). */
export function readCommands(page: string, heading: string): readonly string[] {
  return readBlocks(sectionOf(page, heading)).flatMap(({ language, text }) =>
    language === 'sh' ? commandLines(text) : [],
  );
}

/** The page without one section. */
export function withoutSection(page: string, heading: string): string {
  return page.replace(sectionOf(page, heading), '');
}

/** From one heading of the second level to the next. */
export function sectionOf(page: string, heading: string): string {
  const start = page.indexOf(`\n## ${heading}\n`);
  if (start < 0) throw new Error(`the page has no heading "## ${heading}"`);
  const end = page.indexOf('\n## ', start + 1);
  return page.slice(start, end < 0 ? undefined : end);
}

/** For comparing: columns are as wide as their content, so only the words count. */
export function wordsOf(text: string): string {
  return text.split(/\s+/).join(' ').trim();
}

/** A line that ends with "\" or "|" goes on in the next. */
function commandLines(text: string): readonly string[] {
  return linesOf(text.replaceAll(/ *\\\n */g, ' ').replaceAll(/\|\n */g, '| '));
}

function dialogues(text: string): readonly Example[] {
  return text.split(/^\$ /m).flatMap((dialogue) => {
    const [command = '', ...shown] = linesOf(dialogue);
    return command === '' ? [] : [{ command, shown: shown.join('\n') }];
  });
}

function linesOf(text: string): readonly string[] {
  return text.split('\n').filter((line) => line.trim() !== '');
}
