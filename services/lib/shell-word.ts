/** Words of a line that a person copies into a shell. */

/** POSIX sh: plain where it is harmless, else in single quotes, which keep everything but themselves. */
export function shellWord(text: string): string {
  if (/^[\w@%+=:,./~-]+$/.test(text) && !text.startsWith('-')) return text;
  return `'${text.replaceAll("'", "'\\''")}'`;
}
