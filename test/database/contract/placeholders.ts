/** The table of placeholder texts, on a database that reads them. */
import { expect } from 'vitest';
import { PLACEHOLDER_TEXTS, type PlaceholderText } from '../placeholder-texts.ts';
import { type ContractTests, checked, contextOf, type EngineUnderTest, jsonOf } from './engine.ts';

export const placeholderTests: ContractTests = {
  'every text of the table is read as the lexer reads it': async (engine) => {
    const database = engine.open();
    const asked = PLACEHOLDER_TEXTS.filter((text) => runsOn(text, engine)).map((text) => ({
      text,
      ask: contextOf(database, { sql: text.sql, parameters: text.names }),
    }));
    expect(asked.length).toBeGreaterThanOrEqual(40);
    await checked(database);
    for (const { text, ask } of asked)
      expect([text.title, String(jsonOf(await ask(text.values)))]).toEqual([text.title, text.answer]);
  },
};

function runsOn({ answer, only }: PlaceholderText, { kind }: EngineUnderTest): boolean {
  return answer !== undefined && (only === undefined || only === kind);
}
