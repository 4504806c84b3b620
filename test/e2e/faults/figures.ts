/** The table of what was measured, printed when all is done; docs/faults.md holds one. */
export interface Figure {
  readonly fault: string;
  readonly measured: string;
  readonly target: string;
}

export class Figures {
  readonly #rows: Figure[] = [];

  add(fault: string, measured: string, target: string): void {
    this.#rows.push({ fault, measured, target });
  }

  /** Markdown. */
  toString(): string {
    const rows = [{ fault: 'fault', measured: 'measured', target: 'target' }, ...this.#rows];
    const lines = rows.map(({ fault, measured, target }) => `| ${fault} | ${measured} | ${target} |`);
    return [lines[0], '| --- | --- | --- |', ...lines.slice(1)].join('\n');
  }
}

export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
