/** A tool module in TypeScript. */
interface Arguments {
  readonly n: number;
}

export function next({ n }: Arguments): { n: number } {
  return { n: n + 1 };
}
