/** Columns as kubectl prints them: upper-case titles, three spaces between, `<none>` where there is nothing. */
import { onOneLine } from '#lib/printable.ts';

export type Cell = string | number | undefined;

const GAP = '   ';
const NOTHING = '<none>';

/** @returns the lines, without trailing spaces. */
export function formatTable(titles: readonly string[], rows: readonly (readonly Cell[])[]): string[] {
  const texts = [titles, ...rows].map((row) => titles.map((_title, column) => toText(row[column])));
  const widths = titles.map((_title, column) => Math.max(...texts.map((row) => row[column]?.length ?? 0)));
  return texts.map((row) =>
    row
      .map((text, column) => text.padEnd(widths[column] ?? 0))
      .join(GAP)
      .trimEnd(),
  );
}

function toText(cell: Cell): string {
  const text = cell === undefined ? '' : onOneLine(String(cell));
  return text === '' ? NOTHING : text;
}
