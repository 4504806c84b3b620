/** Callers who leave, whose time is up or whose token ends: their statement ends at the database, and the next call is answered. */
import { expect } from 'vitest';
import type { CallSettings } from '#lib/grpc/channel.ts';
import { reasonOf } from '../../harness/context-tool-server.ts';
import { eventually } from '../../harness/eventually.ts';
import { connectRaw, field, frame } from '../../harness/raw-grpc.ts';
import type { RpcEngine, RpcTests } from './rpc-engine.ts';

/** Both run until somebody ends them. */
const ENDLESS = {
  context: ({ runtime }: RpcEngine, settings: CallSettings, capability_token = runtime.calls.token) =>
    runtime.calls.request('slow:patient', {}, { capability_token }, settings),
  tool: ({ runtime }: RpcEngine, settings: CallSettings, capability_token = runtime.calls.token) =>
    runtime.calls.invoke('note_patiently', {}, { capability_token }, settings),
};

const untilRunning = ({ running }: RpcEngine, expected: number) =>
  eventually(running, (count) => count === expected, { what: `${expected} statements that run` });

async function expectNothingLeft(engine: RpcEngine): Promise<void> {
  await untilRunning(engine, 0);
  const { calls } = engine.runtime;
  const asked = Array.from({ length: 6 }, () => calls.read('stock:fig:count'));
  expect(await Promise.all(asked)).toEqual(Array.from({ length: 6 }, () => '5'));
  expect(await calls.run('touch')).toEqual({ rows: '2' });
  expect(await engine.query('SELECT * FROM late')).toEqual([]);
}

export const callerTests: RpcTests = {
  'a commit that breaks leaves the change done or not, and the same key makes it once': async (engine) => {
    const pay = () => engine.runtime.calls.invoke('pay', { id: 'kept' }, { idempotency_key: 'kept' });
    expect(await engine.breakCommit(pay)).toMatchObject({ reason: 'OUTCOME_UNKNOWN' });
    const paid = { success: true, outputs: { id: Buffer.from('kept') } };
    for (let i = 0; i < 2; i++) expect(await pay()).toMatchObject(paid);
    const again = engine.runtime.calls.invoke('pay', { id: 'kept' });
    expect(await reasonOf(again)).toBe('BACKEND_REFUSED');
  },

  'the statement of a caller who leaves ends at the database': async (engine) => {
    for (const call of [ENDLESS.context, ENDLESS.tool]) {
      const leaving = new AbortController();
      const left = reasonOf(call(engine, { signal: leaving.signal, deadlineMs: 60_000 }));
      await untilRunning(engine, 1);
      leaving.abort(new Error('left'));
      expect(await left).toBeUndefined();
      await expectNothingLeft(engine);
    }
  },

  'the statement of a caller whose connection breaks ends at the database': async (engine) => {
    const { target, token } = engine.runtime.calls;
    const names = { RequestContext: 'slow:patient', InvokeTool: 'note_patiently' };
    for (const [method, name] of Object.entries(names)) {
      const body = frame(Buffer.concat([field(1, Buffer.from(name)), field(3, Buffer.from(token))]));
      const raw = connectRaw(target);
      raw.open({ path: `/mcp2.ContextTool/${method}`, body });
      await untilRunning(engine, 1);
      raw[Symbol.dispose]();
      await expectNothingLeft(engine);
    }
  },

  'the statement of a caller whose deadline passes ends at the database': async (engine) => {
    const late = both((call) => reasonOf(call(engine, { deadlineMs: 1_500 })));
    await untilRunning(engine, 2);
    expect(await late).toEqual(['DEADLINE_EXCEEDED', 'DEADLINE_EXCEEDED']);
    await expectNothingLeft(engine);
  },

  'the statement of a caller whose token ends is ended at the database, and that is the reason': async (engine) => {
    const claims = { aud: ['Stock'], capabilities: ['context:*', 'tool:*'], ttlSeconds: 3 };
    const token = await engine.runtime.tokens.mint(claims);
    const ended = both((call) => reasonOf(call(engine, { deadlineMs: 60_000 }, token)));
    await untilRunning(engine, 2);
    expect(await ended).toEqual(['TOKEN_EXPIRED', 'TOKEN_EXPIRED']);
    await expectNothingLeft(engine);
  },
};

function both<T>(ask: (call: (typeof ENDLESS)['context' | 'tool']) => Promise<T>): Promise<T[]> {
  return Promise.all([ENDLESS.context, ENDLESS.tool].map(ask));
}
