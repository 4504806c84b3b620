/** How many letters two names differ in: what somebody probably meant. */

/** Levenshtein's, without regard to case, over the first 64 characters: names that people choose are shorter. */
export function editDistance(left: string, right: string): number {
  const [a, b] = [left.slice(0, 64).toLowerCase(), right.slice(0, 64).toLowerCase()];
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = at(row, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, at(row, j) + 1, at(next, j - 1) + 1));
    }
    row = next;
  }
  return at(row, b.length);
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Number.POSITIVE_INFINITY;
}
