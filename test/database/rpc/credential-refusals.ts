/** Who may call: every reason to refuse a credential or its rights, on each of the RPCs. */
import type { MintRequest } from '#lib/token/mint-request.ts';
import type { Texts } from '../../harness/context-tool-calls.ts';
import { createTokens } from '../../harness/registry-fixture.ts';
import type { Refusal } from './rpc-engine.ts';
import type { Sources } from './sources-fixture.ts';

interface Credential {
  readonly token?: string;
  readonly proof?: string;
  readonly authorization?: string;
}

type Mint = (claims?: Partial<MintRequest>, options?: { readonly nowMs?: number }) => Promise<string>;
type Ask = (sources: Sources, credential: Credential) => Promise<unknown>;

const HOUR_MS = 3_600_000;

const RPCS = {
  RequestContext: ({ runtime: { calls } }, { token = '', proof = '', authorization }) =>
    calls.contextTool.call(
      'RequestContext',
      { context_key: 'company:address', capability_token: token, agent_delegation_proof: proof },
      { metadata: authorization === undefined ? {} : { authorization } },
    ),
  InvokeTool: ({ runtime: { calls } }, { token = '', proof = '', authorization }) =>
    calls.contextTool.call(
      'InvokeTool',
      { tool_name: 'count', capability_token: token, agent_delegation_proof: proof },
      { metadata: authorization === undefined ? {} : { authorization } },
    ),
  GetCard: ({ runtime: { calls } }, { token = '', proof = '', authorization }) =>
    calls.serviceInfo.call(
      'GetCard',
      { requester_token: token, agent_delegation_proof: proof },
      { metadata: authorization === undefined ? {} : { authorization } },
    ),
} satisfies Readonly<Record<string, Ask>>;

const CREDENTIALS: readonly (readonly [Refusal<Sources>['reason'], (mint: Mint) => Promise<Credential>])[] = [
  ['CREDENTIAL_MISSING', async () => ({})],
  [
    'CREDENTIAL_CONFLICT',
    async (mint) => ({ token: await mint(), authorization: `Bearer ${await mint({ sub: 'shop.other' })}` }),
  ],
  ['TOKEN_MALFORMED', async () => ({ token: 'open sesame' })],
  ['TOKEN_UNTRUSTED', async () => ({ token: await (await createTokens()).mint({ aud: ['Stock'] }) })],
  ['TOKEN_NOT_YET_VALID', async (mint) => ({ token: await mint({}, { nowMs: Date.now() + HOUR_MS }) })],
  ['TOKEN_EXPIRED', async (mint) => ({ token: await mint({ ttlSeconds: 60 }, { nowMs: Date.now() - HOUR_MS }) })],
  ['PROOF_UNSUPPORTED', async (mint) => ({ token: await mint(), proof: 'anything' })],
  ['AUDIENCE_MISMATCH', async (mint) => ({ token: await mint({ aud: ['Other'] }) })],
];

/** @param claims Over every right. */
function mintFor({ runtime }: Sources): Mint {
  return (claims, options) =>
    runtime.tokens.mint({ aud: ['Stock'], capabilities: ['context:*', 'tool:*'], ...claims }, options);
}

const OF_TOKENS: readonly Refusal<Sources>[] = Object.entries(RPCS).flatMap(([name, ask]) =>
  CREDENTIALS.map(([reason, credential]) => ({
    title: `a credential of ${name}`,
    reason,
    ask: async (sources) => ask(sources, await credential(mintFor(sources))),
  })),
);

interface Right {
  readonly title: string;
  readonly claims: Partial<MintRequest>;
  readonly ask: Ask;
  /** What the caller is told that it lacks. */
  readonly lacks?: Texts;
}

const grant = (method: string, resource: string, params?: object): Partial<MintRequest> => ({
  grants: [{ method: `ContextTool.${method}`, resource: [resource], ...(params === undefined ? {} : { params }) }],
});
const page =
  (parameters: Readonly<Record<string, string>>): Ask =>
  ({ runtime }, { token = '' }) =>
    runtime.calls.request('upstream:ok', parameters, { capability_token: token });
const price =
  (args: Readonly<Record<string, string>>, more = {}): Ask =>
  ({ runtime }, { token = '' }) =>
    runtime.calls.invoke('price', args, { capability_token: token, ...more });

const FIRST_PAGE = grant('RequestContext', 'upstream:*', { page: { eq: '1' } });
const SOME_PRICES = grant('InvokeTool', 'price', { sku: { in: ['a', 'b'] }, pieces: { range: { max: '10' } } });

const ADDRESS = { required: 'db:company:read' };
const COUNT = { required: 'tool:count' };
const CARD = { method: 'ServiceInfo.GetCard', resource: 'Stock' };
const PAGE = { method: 'ContextTool.RequestContext', resource: 'upstream:ok' };
const PRICE = { method: 'ContextTool.InvokeTool', resource: 'price' };

const RIGHTS: readonly Right[] = [
  {
    title: 'the right to another area',
    claims: { capabilities: ['db:payroll:read'] },
    ask: RPCS.RequestContext,
    lacks: ADDRESS,
  },
  {
    title: 'the right to another key',
    claims: { capabilities: ['context:read:company:logo'] },
    ask: RPCS.RequestContext,
    lacks: ADDRESS,
  },
  {
    title: 'the right to tools, for a context',
    claims: { capabilities: ['tool:*'] },
    ask: RPCS.RequestContext,
    lacks: ADDRESS,
  },
  { title: 'the right to another tool', claims: { capabilities: ['tool:price'] }, ask: RPCS.InvokeTool, lacks: COUNT },
  {
    title: 'the right to contexts, for a tool',
    claims: { capabilities: ['context:*'] },
    ask: RPCS.InvokeTool,
    lacks: COUNT,
  },
  {
    title: 'a grant of another method, for a card',
    claims: grant('InvokeTool', 'price'),
    ask: RPCS.GetCard,
    lacks: CARD,
  },
  { title: 'a grant of another value of a parameter', claims: FIRST_PAGE, ask: page({ page: '2' }), lacks: PAGE },
  { title: 'a grant of the value in another spelling', claims: FIRST_PAGE, ask: page({ page: '1.0' }), lacks: PAGE },
  {
    title: 'a grant of no parameters',
    claims: grant('RequestContext', 'upstream:*', {}),
    ask: page({ page: '1' }),
    lacks: PAGE,
  },
  { title: 'a grant of another argument', claims: SOME_PRICES, ask: price({ sku: 'c' }), lacks: PRICE },
  { title: 'a grant of fewer arguments', claims: SOME_PRICES, ask: price({ sku: 'a', tags: '[]' }), lacks: PRICE },
  { title: 'a grant of a smaller number', claims: SOME_PRICES, ask: price({ sku: 'a', pieces: '11' }), lacks: PRICE },
  {
    title: 'a grant of a number in another spelling',
    claims: SOME_PRICES,
    ask: price({ sku: 'a', pieces: '1e0' }),
    lacks: PRICE,
  },
  {
    title: 'a grant of the argument in another encoding',
    claims: SOME_PRICES,
    ask: price({ sku: '"a"' }, { argument_encoding: { sku: 1 } }),
    lacks: PRICE,
  },
  {
    title: 'a grant of arguments, for all of them in one',
    claims: SOME_PRICES,
    ask: price({}, { arguments_json: Buffer.from('{"sku":"a"}') }),
    lacks: PRICE,
  },
];

const OF_RIGHTS: readonly Refusal<Sources>[] = RIGHTS.map(({ title, claims, ask, lacks = {} }) => ({
  title,
  reason: 'CAPABILITY_DENIED',
  ask: async (sources) => ask(sources, { token: await mintFor(sources)(claims) }),
  facts: lacks,
}));

export const CREDENTIAL_REFUSALS: readonly Refusal<Sources>[] = [...OF_TOKENS, ...OF_RIGHTS];

/** What the grants above do allow. */
export const ALLOWED: readonly Right[] = [
  { title: 'the value of the grant', claims: FIRST_PAGE, ask: page({ page: '1' }) },
  { title: 'no parameters at all', claims: grant('RequestContext', 'upstream:*', {}), ask: page({}) },
  { title: 'arguments of the grant', claims: SOME_PRICES, ask: price({ sku: 'b', pieces: '10' }) },
  {
    title: 'all arguments in one beside a grant without params',
    claims: grant('InvokeTool', 'price'),
    ask: price({}, { arguments_json: Buffer.from('{"sku":"a"}') }),
  },
];

export async function askWith({ claims, ask }: Right, sources: Sources): Promise<unknown> {
  return ask(sources, { token: await mintFor(sources)(claims) });
}
