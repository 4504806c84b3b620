/** The commands of a page, as a reader would type them. */

/** Those of the `sh` blocks below one heading ("## On Kubernetes"); a line that ends with "\" or "|" goes on in the next. */
export function readCommands(page: string, heading: string): readonly string[] {
  const section = sectionOf(page, heading);
  return [...section.matchAll(/^```sh\n([\s\S]*?)^```/gm)].flatMap(([, text = '']) =>
    text
      .replaceAll(/ *\\\n */g, ' ')
      .replaceAll(/\|\n */g, '| ')
      .split('\n')
      .filter((line) => line.trim() !== ''),
  );
}

/** The page without one section. */
export function withoutSection(page: string, heading: string): string {
  return page.replace(sectionOf(page, heading), '');
}

function sectionOf(page: string, heading: string): string {
  const start = page.indexOf(`\n## ${heading}\n`);
  if (start < 0) throw new Error(`the page has no heading "## ${heading}"`);
  const end = page.indexOf('\n## ', start + 1);
  return page.slice(start, end < 0 ? undefined : end);
}
