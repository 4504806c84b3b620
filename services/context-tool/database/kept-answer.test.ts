import { expect, test } from 'vitest';
import type { ToolAnswer } from '#sdk/server/declaration.ts';
import { readKeptAnswer, writeKeptAnswer } from './kept-answer.ts';

test.each<ToolAnswer>([
  { success: true, outputs: {} },
  { success: true, outputs: { a: Buffer.from('x'), b: Buffer.from([0, 255]), c: Buffer.alloc(0) } },
  { success: true, outputs: {}, structured: Buffer.from('[1,"ä"]') },
  { success: false, errorCode: 'NO_ROW', message: 'it\'s "gone"' },
])('%o is read as it was written', (answer) => {
  expect(readKeptAnswer(writeKeptAnswer(answer))).toEqual(answer);
});
