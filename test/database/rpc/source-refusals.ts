/** Every reason that constants, upstreams and modules, or the request itself, give. */
import type { Refusal } from './rpc-engine.ts';
import type { Sources } from './sources-fixture.ts';

type OnSources = Refusal<Sources>;

/** Connections to one upstream, and the calls that wait for them. */
const HTTP_CAPACITY = 32 + 128;
/** Of a module with one process. */
const MODULE_CAPACITY = 1 + 64;

const read =
  (key: string, parameters = {}, more = {}): OnSources['ask'] =>
  ({ runtime }) =>
    runtime.calls.request(key, parameters, more);
const invoke =
  (tool: string, args = {}, more = {}): OnSources['ask'] =>
  ({ runtime }) =>
    runtime.calls.invoke(tool, args, more);
const getCard =
  (request: object): OnSources['ask'] =>
  ({ runtime: { calls } }) =>
    calls.serviceInfo.call('GetCard', { requester_token: calls.token, ...request });

const OF_REQUESTS: readonly OnSources[] = [
  { title: 'a key that nobody declared', reason: 'CONTEXT_UNKNOWN', ask: read('company:phone') },
  { title: 'a key outside of the grammar', reason: 'NAME_INVALID', ask: read('company::address') },
  { title: 'a tool outside of the grammar', reason: 'NAME_INVALID', ask: invoke('a:b') },
  { title: 'the card of another server', reason: 'NAME_INVALID', ask: getCard({ server_name: 'Other' }) },
  { title: 'a card of another digest', reason: 'CARD_UNKNOWN', ask: getCard({ card_digest: Buffer.alloc(32) }) },
  { title: 'a tool that nobody declared', reason: 'TOOL_UNKNOWN', ask: invoke('prices') },
  {
    title: 'a schema that is another one now',
    reason: 'SCHEMA_CHANGED',
    ask: invoke('price', { sku: 'a' }, { schema_hash: Buffer.alloc(32) }),
  },
  {
    title: 'a type that the context is not',
    reason: 'NOT_ACCEPTABLE',
    ask: read('company:address', {}, { accept: 'image/*' }),
  },
  {
    title: 'a parameter where there is none',
    reason: 'ARGUMENT_INVALID',
    ask: read('company:address', { a: 'b' }),
    facts: { path: '/a' },
  },
  {
    title: 'an argument of another type',
    reason: 'ARGUMENT_INVALID',
    ask: invoke('price', { sku: 'a', pieces: '1.5' }),
    facts: { path: '/pieces' },
  },
  {
    title: 'an argument that is missing',
    reason: 'ARGUMENT_INVALID',
    ask: invoke('price'),
    facts: { path: '/sku' },
  },
  {
    title: 'an argument that is sent twice',
    reason: 'ARGUMENT_INVALID',
    ask: invoke('price', { sku: 'a' }, { arguments_json: Buffer.from('{"sku":"a"}') }),
    facts: { path: '' },
  },
  {
    title: 'the key of another call',
    reason: 'IDEMPOTENCY_CONFLICT',
    async ask({ runtime: { calls } }) {
      await calls.invoke('price', { sku: 'a' }, { idempotency_key: 'conflict' });
      return calls.invoke('price', { sku: 'b' }, { idempotency_key: 'conflict' });
    },
  },
];

const OF_UPSTREAMS: readonly OnSources[] = [
  { title: 'a context that the upstream does not know', reason: 'CONTEXT_UNKNOWN', ask: read('upstream:404') },
  {
    title: 'a context that the upstream refuses',
    reason: 'BACKEND_REFUSED',
    ask: read('upstream:403'),
    facts: { http_status: '403' },
  },
  {
    title: 'a context of which the upstream takes no more calls',
    reason: 'RATE_LIMITED',
    ask: read('upstream:429'),
    facts: { http_status: '429' },
    retryAfterMs: 7_000,
  },
  {
    title: 'a context of an upstream that fails',
    reason: 'BACKEND_UNAVAILABLE',
    ask: read('upstream:503'),
    facts: { http_status: '503' },
  },
  {
    title: 'a context of an upstream that says nothing',
    reason: 'BACKEND_UNAVAILABLE',
    ask: read('upstream:hang'),
    facts: { limit: 'timeout' },
  },
  { title: 'a context of an upstream that resets', reason: 'BACKEND_UNAVAILABLE', ask: read('upstream:reset') },
  { title: 'a context where nobody listens', reason: 'BACKEND_UNAVAILABLE', ask: read('nobody:there') },
  {
    title: 'a context that is larger than it may be',
    reason: 'LIMIT_EXCEEDED',
    ask: read('upstream:big'),
    facts: { limit: 'maxBytes' },
  },
  {
    title: 'a segment that is no part of a path',
    reason: 'ARGUMENT_INVALID',
    ask: invoke('send', { what: '..' }),
    facts: { path: '/what' },
  },
  {
    title: 'more calls than one upstream gets',
    reason: 'POOL_FULL',
    async ask({ runtime: { calls } }) {
      const all = Array.from({ length: HTTP_CAPACITY + 1 }, () =>
        calls.request('upstream:hang', {}, {}, { deadlineMs: 300 }),
      );
      const first = Promise.race(all).catch((error: unknown) => error);
      await Promise.allSettled(all);
      throw await first;
    },
  },
  {
    title: 'a call whose deadline passes',
    reason: 'DEADLINE_EXCEEDED',
    ask: ({ runtime }) => runtime.calls.request('upstream:hang', {}, {}, { deadlineMs: 100 }),
  },
  {
    title: 'a request that is reset behind its sending',
    reason: 'OUTCOME_UNKNOWN',
    ask: invoke('send', { what: 'reset' }),
  },
  {
    title: 'a request that is never answered',
    reason: 'OUTCOME_UNKNOWN',
    ask: invoke('send', { what: 'hang' }),
    facts: { limit: 'timeout' },
  },
  {
    title: 'a request at which the upstream fails',
    reason: 'BACKEND_UNAVAILABLE',
    ask: invoke('send', { what: '500' }),
    facts: { http_status: '500' },
  },
];

const failed = (tool: string, module: string, cause: string): OnSources => ({
  title: `a module that ends by ${cause}`,
  reason: 'MODULE_FAILED',
  ask: invoke(tool),
  facts: { module, cause },
});

const OF_MODULES: readonly OnSources[] = [
  failed('throw', 'tools.mjs', 'rejection'),
  failed('circle', 'tools.mjs', 'result'),
  failed('exit', 'mistakes.mjs', 'exit'),
  failed('crash', 'mistakes.mjs', 'crash'),
  failed('memory', 'mistakes.mjs', 'memory'),
  {
    title: 'a module that never ends',
    reason: 'MODULE_TIMEOUT',
    ask: invoke('loop'),
    facts: { module: 'mistakes.mjs', limit: 'module' },
  },
  {
    title: 'more calls than wait for a module',
    reason: 'QUEUE_FULL',
    async ask({ runtime: { calls } }) {
      await calls.invoke('wait');
      const all = Array.from({ length: MODULE_CAPACITY + 1 }, () => calls.invoke('wait'));
      const failures = (await Promise.allSettled(all)).flatMap((end) =>
        end.status === 'rejected' ? [end.reason] : [],
      );
      if (failures.length === 1) throw failures[0];
      return failures;
    },
    facts: { module: 'queue.mjs' },
  },
  {
    title: 'a result of more than 4 MiB',
    reason: 'LIMIT_EXCEEDED',
    ask: invoke('large'),
    facts: { module: 'tools.mjs' },
  },
  { title: 'a result that breaks its schema', reason: 'INTERNAL', ask: invoke('wrong') },
];

export const SOURCE_REFUSALS: readonly OnSources[] = [...OF_REQUESTS, ...OF_UPSTREAMS, ...OF_MODULES];
