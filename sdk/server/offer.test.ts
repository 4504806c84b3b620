import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { canonicalJson } from '#lib/canonical-json.ts';
import { readCard } from '#lib/card/service-card.ts';
import type { ContextDeclaration, ToolDeclaration } from './declaration.ts';
import { createOffer, type Declared, type Offer } from './offer.ts';

function context(key: string, more: Partial<ContextDeclaration> = {}): ContextDeclaration {
  return { key, read: () => ({ content: Buffer.alloc(0), contentType: '' }), ...more };
}

function tool(name: string, more: Partial<ToolDeclaration> = {}): ToolDeclaration {
  return { name, idempotency: 'instance', run: () => ({ success: true, outputs: {} }), ...more };
}

function declare(more: Partial<Declared>): Declared {
  return { name: 'Shop', version: '1.0.0', contexts: [], tools: [], ...more };
}

function offer(more: Partial<Declared>): Offer {
  const result = createOffer(declare(more));
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return result.offer;
}

function problems(more: Partial<Declared>): string[] {
  const result = createOffer(declare(more));
  return result.ok ? [] : result.problems.map(({ path, message }) => `${path.join('.')}: ${message}`);
}

test('the card is canonical JSON that the operator can read, with every right that a call needs', () => {
  const input = { type: 'object', properties: { sku: { type: 'string' } } };
  const { card } = offer({
    contexts: [context('inventory:{sku}:stock', { description: 'Units.', contentType: 'application/json' })],
    tools: [tool('price', { input, output: { type: 'object' }, annotations: { readOnly: true } }), tool('any')],
  });
  const described = JSON.parse(card.json.toString());
  expect(card.json.toString()).toBe(canonicalJson(described));
  expect(card.digest).toEqual(createHash('sha256').update(card.json).digest());
  const capabilities = ['context:read:inventory:*:stock', 'db:inventory:read', 'tool:any', 'tool:price'];
  expect(readCard(card.json).card).toEqual({
    name: 'Shop',
    version: '1.0.0',
    protocol: 'mcp2/1',
    services: ['ContextTool', 'ServiceInfo'],
    capabilities,
  });
  expect(described.contexts).toEqual([
    {
      key: 'inventory:{sku}:stock',
      description: 'Units.',
      content_type: 'application/json',
      required_capabilities: ['db:inventory:read', 'context:read:inventory:*:stock'],
    },
  ]);
  const hash = (schema: object) => createHash('sha256').update(canonicalJson(schema)).digest('hex');
  expect(described.tools).toEqual([
    {
      name: 'price',
      input_schema: input,
      output_schema: { type: 'object' },
      schema_hash: hash(input),
      annotations: { readOnly: true },
      idempotency: 'instance',
      required_capability: 'tool:price',
    },
    {
      name: 'any',
      input_schema: { type: 'object' },
      schema_hash: hash({ type: 'object' }),
      idempotency: 'instance',
      required_capability: 'tool:any',
    },
  ]);
});

test('a key too long for a right of its own is still under the right to its area', () => {
  const key = Array.from({ length: 16 }, (_, i) => `s${i}`).join(':');
  expect(offer({ contexts: [context(key)] }).card.capabilities).toEqual(['db:s0:read']);
});

test('every mistake is named at once, with its place', () => {
  const found = problems({
    name: 'RegistryServer',
    version: '',
    contexts: [
      context('{a}:b'),
      context('a:{x}', { parameters: { type: 'string' } }),
      context('b:{x}'),
      context('b:{y}'),
      context('c', { parameters: { type: 'object', properties: { n: { type: 'numbr' } } } }),
      context('d', { cache: { ttlMs: 0, scope: 'Private' } }),
    ],
    tools: [tool('-x'), tool('a b'), tool('multimodal_exchange'), tool('twice'), tool('twice')],
  });
  expect(found.map((text) => text.split(': ')[0])).toEqual([
    'name',
    'version',
    'contexts.0.key',
    'contexts.1.parameters.type',
    'contexts.3.key',
    'contexts.4.parameters.properties.n.type',
    'contexts.5.cache.ttlMs',
    'tools.0.name',
    'tools.1.name',
    'tools.2.name',
    'tools.4.name',
  ]);
});

test('a card that is too large is a problem that gives both sizes and the largest schemas', () => {
  const large = (chars: number) => ({ type: 'object', description: 'x'.repeat(chars) });
  const tools = [60_000, 100_000, 70_000, 50_000].map((chars, i) => tool(`t${i}`, { input: large(chars) }));
  const [problem = ''] = problems({ tools });
  expect(problem).toMatch(/^: the card would have 28\d{4} bytes and 4 capabilities; at most 262144 and 256/);
  expect(problem).toMatch(/input of t1 \(100\d+ bytes\), input of t2 \(70\d+ bytes\), input of t0 \(60\d+ bytes\)/);
  const [many = ''] = problems({ tools: Array.from({ length: 257 }, (_, i) => tool(`t${i}`)) });
  expect(many).toMatch(/257 capabilities/);
});
