/** @returns The text without white space around it; undefined for one that is missing, empty or blank, as an unset variable is. */
export function nonEmpty(text: string | undefined): string | undefined {
  return text?.trim() || undefined;
}
