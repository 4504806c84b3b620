/** Every reason that a call to a database can be refused or fail with; after each of them the next call is answered. */
import type { Refusal, RpcEngine } from './rpc-engine.ts';

type OnDatabase = Refusal<RpcEngine>;

const MIB = 1024 * 1024;

/** A fact of the engine's own words. */
const byEngine =
  (postgres: Readonly<Record<string, string>>, sqlite: Readonly<Record<string, string>>) =>
  ({ kind }: RpcEngine) =>
    kind === 'postgres' ? postgres : sqlite;

/** What the statement itself, its answer or its arguments bring about. */
const OF_STATEMENTS: readonly OnDatabase[] = [
  {
    title: 'a Value of no row',
    reason: 'CONTEXT_UNKNOWN',
    ask: ({ runtime }) => runtime.calls.read('stock:kiwi:count'),
  },
  {
    title: 'a Row of no row',
    reason: 'CONTEXT_UNKNOWN',
    ask: ({ runtime }) => runtime.calls.read('stock:kiwi:row'),
  },
  {
    title: 'two rows where one is to come',
    reason: 'BACKEND_REFUSED',
    ask: ({ runtime }) => runtime.calls.read('warehouse:NY:one'),
    facts: { rows: '2' },
  },
  {
    title: 'a constraint of the table',
    reason: 'BACKEND_REFUSED',
    ask: ({ runtime }) => runtime.calls.invoke('take', { sku: 'fig', pieces: '6' }),
    facts: byEngine({ sqlstate: '23514' }, { sqlite_code: 'SQLITE_CONSTRAINT_CHECK' }),
  },
  {
    title: '1,001 rows',
    reason: 'LIMIT_EXCEEDED',
    ask: ({ runtime }) => runtime.calls.read('numbers:first', { most: '1001' }),
    facts: byEngine({ rows: '1001' }, { limit: '1000' }),
  },
  {
    title: 'a context of more than 4 MiB',
    reason: 'LIMIT_EXCEEDED',
    ask: ({ runtime }) => runtime.calls.read('long:text', { size: String(4 * MIB) }),
    facts: byEngine({}, { limit: String(4 * MIB) }),
  },
  {
    title: 'a result of more than 4 MiB',
    reason: 'LIMIT_EXCEEDED',
    ask: ({ runtime }) => runtime.calls.invoke('long_text', { size: String(5 * MIB) }),
    facts: byEngine({}, { limit: String(4 * MIB) }),
  },
  {
    title: 'a character that no database keeps, in a parameter',
    reason: 'ARGUMENT_INVALID',
    ask: ({ runtime }) => runtime.calls.read('echo:x', { text: 'a\0b' }),
    facts: { path: '/text' },
  },
  {
    title: 'a character that no database keeps, in an argument',
    reason: 'ARGUMENT_INVALID',
    ask: ({ runtime }) => runtime.calls.invoke('note', { note: 'a\0b' }),
    facts: { path: '/note' },
  },
  {
    title: 'the key of another call',
    reason: 'IDEMPOTENCY_CONFLICT',
    async ask({ runtime: { calls } }) {
      await calls.invoke('order', { id: 'conflict' }, { idempotency_key: 'conflict' });
      return calls.invoke('order', { id: 'other' }, { idempotency_key: 'conflict' });
    },
  },
];

/** What takes too long, or comes at a bad moment. */
const OF_TIME: readonly OnDatabase[] = [
  {
    title: 'a context that takes longer than its statement may',
    reason: 'STATEMENT_TIMEOUT',
    ask: ({ runtime }) => runtime.calls.read('slow:answer'),
    facts: byEngine({ sqlstate: '57014' }, { timeout_ms: '1000' }),
  },
  {
    title: 'a tool that takes longer than its statement may',
    reason: 'STATEMENT_TIMEOUT',
    ask: ({ runtime }) => runtime.calls.invoke('note_slowly'),
    facts: byEngine({ sqlstate: '57014' }, { timeout_ms: '1000' }),
  },
  {
    title: 'a context whose deadline passes',
    reason: 'DEADLINE_EXCEEDED',
    ask: ({ runtime }) => runtime.calls.request('slow:answer', {}, {}, { deadlineMs: 200 }),
  },
  {
    title: 'a tool whose deadline passes',
    reason: 'DEADLINE_EXCEEDED',
    ask: ({ runtime }) => runtime.calls.invoke('note_slowly', {}, {}, { deadlineMs: 200 }),
  },
  {
    title: 'more calls than run or wait',
    reason: 'POOL_FULL',
    ask: ({ runtime: { calls }, capacity }) =>
      firstToFail(capacity + 1, () => calls.request('slow:patient', {}, {}, { deadlineMs: 700 })),
  },
  {
    title: 'a database that is away, for a context',
    reason: 'BACKEND_UNAVAILABLE',
    ask: (engine) => whileAway(engine, () => engine.runtime.calls.read('stock:fig:count')),
    facts: ({ factsOfAbsence }) => factsOfAbsence,
  },
  {
    title: 'a database that is away, for a tool',
    reason: 'BACKEND_UNAVAILABLE',
    ask: (engine) => whileAway(engine, () => engine.runtime.calls.invoke('order', { id: 'away' })),
    facts: ({ factsOfAbsence }) => factsOfAbsence,
  },
  {
    title: 'a commit that breaks',
    reason: 'OUTCOME_UNKNOWN',
    async ask(engine) {
      throw await engine.breakCommit(() => engine.runtime.calls.invoke('pay', { id: 'broken' }));
    },
    facts: byEngine({ sqlstate: '57P01' }, {}),
  },
];

export const DATABASE_REFUSALS: readonly OnDatabase[] = [...OF_STATEMENTS, ...OF_TIME];

/** The others are waited for, so that they are nobody's business afterwards. */
async function firstToFail(count: number, call: () => Promise<unknown>): Promise<unknown> {
  const all = Array.from({ length: count }, call);
  const first = Promise.race(all).catch((error: unknown) => error);
  await Promise.allSettled(all);
  throw await first;
}

async function whileAway(engine: RpcEngine, call: () => Promise<unknown>): Promise<unknown> {
  await engine.stop();
  try {
    return await call();
  } finally {
    await engine.start();
  }
}
