import { expect, test } from 'vitest';
import { linesToTry as allLinesToTry, type TryOptions } from './lines-to-try.ts';

type Server = TryOptions['servers'][number];

interface Made {
  readonly isReady?: boolean;
  readonly hasCard?: boolean;
  readonly mode?: 'Declared' | 'Discovered';
  readonly declared?: readonly string[];
  readonly undeclared?: readonly string[];
}

function server(
  serverName: string,
  { isReady = true, hasCard = true, mode = 'Discovered', declared, undeclared }: Made,
): Server {
  const ready = { type: 'Ready', status: isReady ? 'True' : 'False', reason: 'Any', message: '' };
  const spec = { serverName, capabilityMode: mode, capabilities: declared?.map((name) => ({ name })) };
  const status = { capabilities: { undeclared }, ...(hasCard && { serverInfo: {} }) };
  return { serverName, ready, resource: { spec }, status } as unknown as Server;
}

const stock = server('InventoryDB_Primary', {
  undeclared: ['context:read:inventory:*:stock_count', 'db:inventory:read', 'tool:reserve_stock'],
});
const prices = server('PricingRules', { undeclared: ['tool:compute_pricing'] });

/** Those of the event bus come last, always. */
function linesToTry(options: TryOptions): readonly string[] {
  const lines = allLinesToTry(options);
  expect(lines.slice(-2).map((line) => line.split(' ').slice(0, 2).join(' '))).toEqual([
    'publish orders:new',
    'subscribe orders:new',
  ]);
  return lines.slice(0, -2);
}

test('of the examples there is something to look up, to read, to compute and to change', () => {
  const lines = linesToTry({ servers: [stock, prices], areExamples: true });
  expect(lines.map((line) => line.split(' ').slice(0, 2).join(' '))).toEqual([
    'lookup db:inventory:read',
    'context inventory:prod_12345:stock_count',
    'call compute_pricing',
    'call reserve_stock',
  ]);
});

test('nothing is offered of an example that is not ready', () => {
  const away = server('PricingRules', { isReady: false, undeclared: ['tool:compute_pricing'] });
  expect(linesToTry({ servers: [stock, away], areExamples: true }).join('\n')).not.toContain('compute_pricing');
});

test('of servers of somebody’s own it is known how to find them and how to be told what they offer', () => {
  expect(linesToTry({ servers: [stock], areExamples: false })).toEqual([
    'lookup db:inventory:read',
    'describe InventoryDB_Primary',
  ]);
  const declared = server('Pets', { mode: 'Declared', declared: ['db:pets:read'], undeclared: ['tool:x'] });
  expect(linesToTry({ servers: [declared], areExamples: false })).toEqual(['lookup db:pets:read', 'describe Pets']);
});

test('a capability with a star, or one that nobody can find, is not looked up', () => {
  const hidden = server('Pets', { mode: 'Declared', declared: ['db:*:read'], undeclared: ['db:pets:read'] });
  expect(linesToTry({ servers: [hidden], areExamples: false })).toEqual(['describe Pets']);
});

test('a server that nobody asked for its card is not described', () => {
  const trusted = server('Pets', { hasCard: false, mode: 'Declared', declared: ['db:pets:read'] });
  expect(linesToTry({ servers: [trusted], areExamples: false })).toEqual(['lookup db:pets:read']);
  const unknown = server('Pets', { hasCard: false, mode: 'Declared', declared: ['db:*:read'] });
  expect(linesToTry({ servers: [unknown], areExamples: false })).toEqual(['get servers']);
});

test('without a server that is ready there is the list that says why', () => {
  expect(linesToTry({ servers: [], areExamples: true })).toEqual(['get servers']);
  expect(linesToTry({ servers: [server('Pets', { isReady: false })], areExamples: false })).toEqual(['get servers']);
});
