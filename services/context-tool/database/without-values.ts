/** What a database said, for the operator's log: without a value that a caller sent. */

/** A value of fewer characters is taken out only where it is quoted: it would be found in half of all words. */
const SHORT = 4;

/** Databases quote a value that they cannot read, as in: invalid input syntax for type integer: "…". */
export function withoutValues(message: string, values: readonly unknown[]): string {
  const sent = values.filter((value) => typeof value === 'string' && value !== '');
  const byLength = (sent as string[]).sort((a, b) => b.length - a.length);
  return byLength.reduce((text, value) => {
    const quoted = text.replaceAll(`"${value}"`, () => '"…"');
    return value.length < SHORT ? quoted : quoted.replaceAll(value, () => '…');
  }, message);
}
