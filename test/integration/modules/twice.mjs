/** Imported by tools.mjs. */
export const twice = (n) => 2 * n;
