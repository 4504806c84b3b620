/**
 * Nothing that a caller sends over the wire becomes text of a statement: it comes back as it was sent or is refused before
 * a database hears of it, and the database's own list of statements holds those of the configuration alone.
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { parse } from 'yaml';
import type { CallError } from '#lib/grpc/call-error.ts';
import { ArgumentEncoding } from '#protos/generated/mcp2/ArgumentEncoding.ts';
import type { ToolRequest } from '#protos/generated/mcp2/ToolRequest.ts';
import { IDEMPOTENCY_STATEMENTS } from '../../../services/context-tool/database/postgres/idempotency.ts';
import { isSqlProblem, readSqlText } from '../../../services/context-tool/database/sql-text.ts';
import { textsOf, type Values } from '../../harness/context-tool-calls.ts';
import { INJECTION_ATTEMPTS, INJECTION_VALUES } from '../injection-attempts.ts';
import { BROKEN_JSON, BROKEN_TEXTS, WHOLE_TEXTS } from './encodings.ts';
import type { RpcEngine, RpcTests } from './rpc-engine.ts';

/** Those of the attempts that are segments of a key: they are words, numbers and signs that mean nothing in SQL's quotes. */
const SEGMENTS = ['NULL', 'DEFAULT', 'current_user', 'rowid', '1+1', '1e999', '0x7fffffffffffffff'];
const { ARGUMENT_ENCODING_JSON: JSON_ENCODING } = ArgumentEncoding;

type Outcome =
  | { readonly answer: Readonly<Record<string, unknown>> }
  | { readonly reason: string; readonly path: string };

/** A Row's members, or why there are none. */
async function read({ runtime }: RpcEngine, key: string, parameters?: Values): Promise<Outcome> {
  return outcomeOf(runtime.calls.read(key, parameters).then((text) => JSON.parse(text)));
}

async function run({ runtime }: RpcEngine, tool: string, args: Values, more?: Partial<ToolRequest>): Promise<Outcome> {
  return outcomeOf(runtime.calls.invoke(tool, args, more).then(({ outputs }) => textsOf(outputs)));
}

function outcomeOf(call: Promise<Record<string, unknown>>): Promise<Outcome> {
  return call.then(
    (answer) => ({ answer }),
    ({ reason, facts }: CallError) => ({ reason: String(reason), path: facts.path ?? '' }),
  );
}

const refusedAt = (path: string): Outcome => ({ reason: 'ARGUMENT_INVALID', path });
const json = (value: unknown) => Buffer.from(JSON.stringify(value));

/** Four at a time: with four calls each they find a place before the database. */
async function forEach<T>(all: readonly T[], work: (one: T, index: number) => Promise<void>): Promise<void> {
  for (let i = 0; i < all.length; i += 4) {
    await Promise.all(all.slice(i, i + 4).map((one, offset) => work(one, i + offset)));
  }
}

async function notesOf({ query }: RpcEngine): Promise<string[]> {
  return (await query('SELECT note FROM notes')).map(({ note }) => String(note)).sort();
}

/** Runs the attempts and holds what they left, and what the database was asked, against what is allowed. */
async function watched(engine: RpcEngine, attempts: () => Promise<readonly string[]>): Promise<void> {
  const before = await notesOf(engine);
  await engine.statements();
  const written = await attempts();
  const asked = new Set((await engine.statements()).map((text) => text.trim()));
  const declared = declaredTexts(engine);
  expect([...asked].filter((text) => !declared.has(text) && !isOurs(engine, text))).toEqual([]);
  expect(await notesOf(engine)).toEqual([...before, ...written].sort());
  expect(await engine.query('SELECT count(*) AS n, sum(quantity) AS q FROM stock')).toMatchObject([
    engine.kind === 'sqlite' ? { n: 3, q: 12 } : { n: '3', q: '12' },
  ]);
}

const OF_TRANSACTIONS: readonly RegExp[] = [
  /^BEGIN READ ONLY; SET LOCAL statement_timeout = \d+$/,
  /^BEGIN ISOLATION LEVEL (?:READ COMMITTED|SERIALIZABLE); SET LOCAL statement_timeout = \d+$/,
  /^(?:COMMIT|ROLLBACK)$/,
  // PgBouncer, for a connection that another client had.
  /^SET application_name='mcp2-context-tool';$/,
  // The watch over the replica's lag.
  /^SELECT pg_is_in_recovery\(\), CASE WHEN pg_is_in_recovery\(\) THEN pg_last_wal_replay_lsn\(\) ELSE pg_current_wal_lsn\(\) END$/,
];

/** Texts of the runtime itself. SQLite's are run without being compiled by themselves. */
function isOurs({ kind }: RpcEngine, text: string): boolean {
  return (
    kind === 'postgres' && (IDEMPOTENCY_STATEMENTS.includes(text) || OF_TRANSACTIONS.some((form) => form.test(text)))
  );
}

/** The statements of the configuration as the engine gets them. */
function declaredTexts({ kind, runtime }: RpcEngine): ReadonlySet<string> {
  const { contexts, tools } = parse(readFileSync(join(runtime.folder, 'server.yaml'), 'utf8'));
  const sources = [...contexts, ...tools].map(({ query, statement }) => (query ?? statement).sql as string);
  return new Set(
    sources.map((sql) => {
      const text = readSqlText(sql);
      if (isSqlProblem(text)) throw new Error(text.message);
      const translated = kind === 'sqlite' ? text.toSqlite() : text.toPostgres();
      if (isSqlProblem(translated)) throw new Error(translated.message);
      return translated.text.trim();
    }),
  );
}

export const injectionTests: RpcTests = {
  'no attempt in a key, a parameter or its name is anything but a value': async (engine) => {
    await watched(engine, async () => {
      const segments: string[] = [];
      await forEach(INJECTION_ATTEMPTS, async ({ title, text }) => {
        const byKey = await read(engine, `echo:${text}`);
        if ('answer' in byKey) segments.push(String(byKey.answer.segment));
        else expect([title, byKey.reason]).toEqual([title, 'NAME_INVALID']);
        expect([title, await read(engine, 'echo:x', { text })]).toMatchObject([title, { answer: { text } }]);
        expect([title, await read(engine, 'echo:x', { any: text })]).toMatchObject([
          title,
          { answer: { anything: text } },
        ]);
        for (const typed of ['number', 'list', 'object']) {
          expect([title, await read(engine, 'echo:x', { [typed]: text })]).toEqual([title, refusedAt(`/${typed}`)]);
        }
        expect([title, await read(engine, 'echo:x', { [text]: 'x' })]).toMatchObject([
          title,
          { reason: 'ARGUMENT_INVALID' },
        ]);
      });
      expect(segments.sort()).toEqual([...SEGMENTS].sort());
      return [];
    });
  },
  'no attempt in an argument, its name or a key of idempotency is anything but a value': async (engine) => {
    await watched(engine, async () => {
      const written: string[] = [];
      await forEach(INJECTION_ATTEMPTS, async ({ title, text }, i) => {
        const answer = { answer: { note: text } };
        const key = Buffer.byteLength(text) <= 128 ? text : `long ${i}`;
        const forms = [
          run(engine, 'note', { note: text }, { idempotency_key: key }),
          run(engine, 'note', { note: json(text) }, { argument_encoding: { note: JSON_ENCODING } }),
          run(engine, 'note_anything', { note: text }),
          run(engine, 'note_anything', {}, { arguments_json: json({ note: text, [`x${text}`]: text }) }),
        ];
        for (const outcome of await Promise.all(forms)) expect([title, outcome]).toEqual([title, answer]);
        const again = run(engine, 'note', {}, { idempotency_key: key, arguments_json: json({ note: text }) });
        expect([title, await again]).toEqual([title, answer]);
        written.push(...forms.map(() => text), ...(key === '' ? [text] : []));
        const named = run(engine, 'note', { note: 'x', [`${text} `]: 'x' });
        expect([title, await named]).toMatchObject([title, { reason: 'ARGUMENT_INVALID' }]);
        const whole = run(engine, 'note', {}, { arguments_json: json({ note: 'x', [`${text} `]: 'x' }) });
        expect([title, await whole]).toMatchObject([title, { reason: 'ARGUMENT_INVALID' }]);
      });
      return written;
    });
  },
  'a number, a truth, a list or an object is no text, and where anything may stand it is the text of its JSON': async (
    engine,
  ) => {
    await watched(engine, async () => {
      const written: string[] = [];
      await forEach([1, -0.5, true, false, null, ...INJECTION_VALUES], async (value) => {
        const text = json(value);
        const encoded = { argument_encoding: { note: JSON_ENCODING } };
        expect(await run(engine, 'note', { note: text }, encoded)).toEqual(refusedAt('/note'));
        expect(await run(engine, 'note', {}, { arguments_json: json({ note: value }) })).toEqual(refusedAt('/note'));
        if (typeof value !== 'object' || value === null) return;
        const answer = { answer: { note: text.toString() } };
        expect(await run(engine, 'note_anything', { note: text }, encoded)).toEqual(answer);
        expect(await run(engine, 'note_anything', {}, { arguments_json: json({ note: value }) })).toEqual(answer);
        const name = Array.isArray(value) ? 'list' : 'object';
        expect(await read(engine, 'echo:x', { [name]: text })).toMatchObject({ answer: { [name]: text.toString() } });
        written.push(text.toString(), text.toString());
      });
      return written;
    });
  },
  'bytes that are no text are refused with their place, and odd ones come back as they are': async (engine) => {
    await watched(engine, async () => {
      const written: string[] = [];
      await forEach(BROKEN_TEXTS, async ({ title, bytes }) => {
        for (const name of ['text', 'any', 'number']) {
          expect([title, await read(engine, 'echo:x', { [name]: bytes })]).toEqual([title, refusedAt(`/${name}`)]);
        }
        expect([title, await run(engine, 'note', { note: bytes })]).toEqual([title, refusedAt('/note')]);
        const whole = Buffer.concat([Buffer.from('{"note":"'), bytes, Buffer.from('"}')]);
        const outcome = await run(engine, 'note', {}, { arguments_json: whole });
        expect([title, outcome]).toMatchObject([title, { reason: 'ARGUMENT_INVALID' }]);
      });
      await forEach(WHOLE_TEXTS, async ({ title, bytes }) => {
        const text = bytes.toString();
        expect([title, await read(engine, 'echo:x', { text: bytes })]).toMatchObject([title, { answer: { text } }]);
        expect([title, await run(engine, 'note', { note: bytes })]).toEqual([title, { answer: { note: text } }]);
        written.push(text);
      });
      return written;
    });
  },
  'bytes that are no JSON, or JSON of something else, are refused with their place': async (engine) => {
    await watched(engine, async () => {
      await forEach(BROKEN_JSON, async ({ title, bytes }) => {
        const encoded = { argument_encoding: { note: JSON_ENCODING } };
        expect([title, await run(engine, 'note', { note: bytes }, encoded)]).toEqual([title, refusedAt('/note')]);
        const whole = Buffer.concat([Buffer.from('{"note":'), bytes, Buffer.from('}')]);
        const outcome = await run(engine, 'note', {}, { arguments_json: whole });
        expect([title, outcome]).toMatchObject([title, { reason: 'ARGUMENT_INVALID' }]);
      });
      return [];
    });
  },
};
