/** Rule 8: a file that fits in the head, a function that fits on the screen. */
import { expect, test } from 'vitest';
import { functionsOf } from './functions.ts';
import { readSources, type SourceFile } from './repository.ts';
import { codeOf } from './source-text.ts';

const MAX_FILE_LINES = 400;
const MAX_FUNCTION_LINES = 60;

test('no file is longer than 400 lines and no function longer than 60', () => {
  expect(oversized(readSources())).toEqual([]);
});

test('a file of 401 lines is refused', () => {
  expect(oversized([{ path: 'operator/long.ts', text: 'export {};\n'.repeat(401) }])).toHaveLength(1);
});

test.each([
  ['a function', 'export async function f<T>({ a }: { a: T }, b = g(1)): Promise<Map<string, T>> {', '}'],
  ['a function that returns an object type', 'function f(): { readonly a: number } {', '}'],
  ['a method', 'class C {\n  #m(a: number): void {}\n  async *n(): AsyncIterable<{ a: 1 }> {', '}}'],
  ['an arrow function', 'const f = async (a: number): Promise<void> => {', '};'],
  ['a callback', "test('name', async () => {", '});'],
])('%s of 61 lines is refused, one of 60 is not', (_title, head, tail) => {
  const lines = (count: number) => `${head}\n${'  a();\n'.repeat(count - 2)}${tail}\n`;
  expect(oversized([{ path: 'operator/a.ts', text: lines(61) }])).toHaveLength(1);
  expect(oversized([{ path: 'operator/a.ts', text: lines(60) }])).toEqual([]);
});

test.each([
  ['a class', 'export class C extends D {', '}'],
  ['an object', 'const a = f(1) ? {} : {', '};'],
  ['an argument', 'f(g(1), {', '});'],
  ['an interface', 'export interface I {', '}'],
  ['a loop', 'for (const a of b()) {', '}'],
  ['a group of tests', "describe('name', () => {", '});'],
  ['groups of tests for whatever is tested', 'export function describeBus(under: BusUnderTest): void {', '}'],
])('%s is not taken for a function', (_title, head, tail) => {
  expect(oversized([{ path: 'operator/a.ts', text: `${head}\n${'\n'.repeat(61)}${tail}\n` }])).toEqual([]);
});

function oversized(files: readonly SourceFile[]): string[] {
  return files.flatMap(({ path, text }) => {
    const lines = text.trimEnd().split('\n').length;
    const functions = functionsOf(codeOf(text)).filter((extent) => extent.lines > MAX_FUNCTION_LINES);
    return [
      ...(lines > MAX_FILE_LINES ? [`${path} has ${lines} lines`] : []),
      ...functions.map((extent) => `${path}:${extent.line} has a function of ${extent.lines} lines`),
    ];
  });
}
