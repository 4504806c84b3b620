import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compilePattern } from '#lib/capability/pattern.ts';
import type { Method } from '#lib/capability/resource.ts';
import { hasReason, type Reason } from '#lib/errors.ts';
import { authorize, authorizeLookup, type Call, couldLookUp, requireAudience } from './authorize.ts';
import type { RootClaims } from './claims.ts';
import { toVerifiedToken, type VerifiedToken } from './verified-token.ts';

test.each<[string, Partial<RootClaims>, Call]>([
  ['a capability', { capabilities: ['db:inventory:read'] }, read('inventory:p1')],
  ['the other form of it', { capabilities: ['context:read:inventory:*'] }, read('inventory:p1')],
  ['a grant', { grants: [grant('ContextTool.RequestContext', 'inventory:*')] }, read('inventory:p1')],
  [
    'a capability and a grant',
    { capabilities: ['db:inventory:read'], grants: [grant('ContextTool.RequestContext', 'inventory:*')] },
    read('inventory:p1'),
  ],
  ['a tool', { capabilities: ['tool:enhance_image'] }, call('ContextTool.InvokeTool', 'enhance_image')],
  ['a tool whose name is no segment', { capabilities: ['tool:*'] }, call('ContextTool.InvokeTool', '.hidden')],
  ['a session of no kind', { capabilities: ['tool:multimodal_exchange'] }, call('ContextTool.MultiModalExchange', '')],
  ['every stream', { capabilities: ['telemetry:read'] }, call('ContextTool.SubscribeTelemetry', 'cpu')],
  ['a narrower filter', { capabilities: ['event:subscribe:inventory:*'] }, subscribe('inventory:*:low_stock')],
  [
    'the filter itself (S3)',
    { capabilities: ['event:subscribe:inventory:*:low_stock'] },
    subscribe('inventory:*:low_stock'),
  ],
  [
    'the topic that the filter is for (S3)',
    { capabilities: ['event:publish:inventory:*:low_stock'] },
    publish('inventory:p1:low_stock'),
  ],
  ['a card for any capability', { capabilities: ['tool:x'] }, call('ServiceInfo.GetCard', 'Me')],
  ['a card by grant', { grants: [grant('ServiceInfo.GetCard', 'Me')] }, call('ServiceInfo.GetCard', 'Me')],
])('%s is enough', (_title, claims, request) => {
  expect(() => authorize(token(claims), request)).not.toThrow();
});

test.each<[string, Partial<RootClaims>, Call]>([
  ['a right to other data (S6)', { capabilities: ['db:inventory:read'] }, read('payroll:2025')],
  ['a right to write', { capabilities: ['db:inventory:write'] }, read('inventory:p1')],
  ['a prefix without its colon (S2)', { capabilities: ['context:read:inventory*'] }, read('inventoryX:secret')],
  ['no entry at all', { capabilities: [] }, read('inventory:p1')],
  ['a capability, when the grants do not cover the call', { capabilities: ['*'], grants: [] }, read('inventory:p1')],
  [
    'a grant, when the capabilities do not cover the call',
    { capabilities: [], grants: [grant('ContextTool.RequestContext', '*')] },
    read('a'),
  ],
  ['a void grant', { grants: [{ ...grant('ContextTool.RequestContext', '*'), until: 1 }] }, read('a')],
  ['a grant for another method', { grants: [grant('ContextTool.UploadContext', '*')] }, read('a')],
  ['a filter that only overlaps', { capabilities: ['event:subscribe:inventory:p1'] }, subscribe('inventory:*')],
  ['the first segment alone (S4)', { capabilities: ['event:publish:inventory*'] }, publish('inventory:p1')],
  ['a malformed x** (S4)', { capabilities: ['event:publish:inventory**'] }, publish('inventory:p1')],
  [
    'one stream for another (S11)',
    { capabilities: ['telemetry:read:cpu'] },
    call('ContextTool.SubscribeTelemetry', 'gpu'),
  ],
  [
    'a kind of session for none',
    { capabilities: ['tool:multimodal_exchange:chat'] },
    call('ContextTool.MultiModalExchange', ''),
  ],
  ['a card with rights that mean nothing', { capabilities: ['cache:x'] }, call('ServiceInfo.GetCard', 'Me')],
  [
    'the card of another server by grant',
    { grants: [grant('ServiceInfo.GetCard', 'Other')] },
    call('ServiceInfo.GetCard', 'Me'),
  ],
])('%s is not enough', (_title, claims, request) => {
  expect(() => authorize(token(claims), request)).toThrow(withReason('CAPABILITY_DENIED'));
});

test('parameters of two grants never combine', () => {
  const grants = ['a', 'b'].map((name) => ({ ...grant('ContextTool.InvokeTool', 'x'), params: { [name]: {} } }));
  const invoke = (...names: string[]) =>
    authorize(token({ grants }), {
      ...call('ContextTool.InvokeTool', 'x'),
      params: Object.fromEntries(names.map((name) => [name, Buffer.from('1')])),
    });
  expect(() => invoke('a')).not.toThrow();
  expect(() => invoke('b')).not.toThrow();
  expect(() => invoke('a', 'b')).toThrow(withReason('CAPABILITY_DENIED'));
});

test('a refusal names what would have been enough', () => {
  expect(() => authorize(token({ capabilities: [] }), read('payroll:1'))).toThrow(
    'the token does not grant "db:payroll:read" (or "context:read:payroll:1")',
  );
  const grants = [{ ...grant('ContextTool.InvokeTool', 'x'), params: { depth: { range: { max: '3' } } } }];
  const invoke = { ...call('ContextTool.InvokeTool', 'x'), params: { depth: Buffer.from('4') } };
  expect(() => authorize(token({ grants }), invoke)).toThrow(/on "x" with the parameter "depth" as it is/);
});

test('a resource outside its grammar is an invalid argument, whatever the token holds', () => {
  const all = token({ capabilities: ['*'] });
  expect(() => authorize(all, read('inventory:*'))).toThrow(withReason('NAME_INVALID'));
  expect(() => authorize(all, subscribe('inventory**'))).toThrow(withReason('FILTER_INVALID'));
});

test('the audience is an exact name or a prefix, and nothing else (S5)', () => {
  const held = token({ aud: ['InventoryDB_*', '*', 'https://a'] });
  expect(() => requireAudience(held, 'InventoryDB_Primary')).not.toThrow();
  for (const name of ['InventoryDBEvil', 'Other', 'InventoryDB_']) {
    expect(() => requireAudience(held, name)).toThrow(withReason('AUDIENCE_MISMATCH'));
  }
});

test.each<[string, Partial<RootClaims>, string[], boolean]>([
  ['registry:lookup finds everything', { capabilities: ['registry:lookup'] }, ['*'], true],
  [
    'registry:lookup:<filter> finds what it names',
    { capabilities: ['registry:lookup:db:*'] },
    ['db:inventory:read'],
    true,
  ],
  ['the right to use implies the right to find', { capabilities: ['db:inventory:*'] }, ['db:inventory:read'], true],
  ['the right to one thing finds no more', { capabilities: ['db:inventory:read'] }, ['db:*'], false],
  ['one filter too many fails the whole call', { capabilities: ['db:a:read'] }, ['db:a:read', 'db:b:read'], false],
  [
    'a section of grants needs a grant to search',
    { capabilities: ['registry:lookup'], grants: [] },
    ['db:a:read'],
    false,
  ],
  ['a grant to search', { grants: [grant('Discovery.Lookup', 'db:*')] }, ['db:a:read'], true],
  ['no filter asks for no right', { capabilities: ['db:a:read'] }, [], true],
])('%s', (_title, claims, filters, allowed) => {
  const attempt = () => authorizeLookup(token(claims), filters).map(({ text }) => text);
  if (allowed) expect(attempt()).toEqual(filters);
  else expect(attempt).toThrow(withReason('CAPABILITY_DENIED'));
});

test('a filter outside the grammar is FILTER_INVALID before any right is asked', () => {
  const attempt = () => authorizeLookup(token({ capabilities: [] }), ['db:a:read', 'db:inv*']);
  expect(attempt).toThrow(withReason('FILTER_INVALID'));
});

test('what a caller could have looked up is what an answer may show', () => {
  const agent = token({ capabilities: ['db:inventory:*', 'tool:x'] });
  const shown = ['db:inventory:read', 'db:payroll:read', 'tool:x', 'tool:*', 'db:inventory:*'].filter((text) => {
    const pattern = compilePattern(text);
    return pattern !== undefined && couldLookUp(agent, pattern);
  });
  expect(shown).toEqual(['db:inventory:read', 'tool:x', 'db:inventory:*']);
});

test('adding a section never widens, and two sections allow what both allow', () => {
  const segment = fc.constantFrom('a', 'b', '*');
  const pattern = fc.array(segment, { minLength: 1, maxLength: 3 }).map((atoms) => atoms.join(':'));
  const capabilities = fc.array(
    pattern.map((tail) => `context:read:${tail}`),
    { maxLength: 3 },
  );
  const grants = fc.array(
    pattern.map((resource) => grant('ContextTool.RequestContext', resource)),
    { maxLength: 3 },
  );
  const key = fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 4 }).map((atoms) => atoms.join(':'));
  fc.assert(
    fc.property(capabilities, grants, key, (held, granted, resource) => {
      const [byCapability, byGrant] = [allows({ capabilities: held }, resource), allows({ grants: granted }, resource)];
      expect(allows({ capabilities: held, grants: granted }, resource)).toBe(byCapability && byGrant);
    }),
  );
});

function allows(claims: Partial<RootClaims>, key: string): boolean {
  try {
    authorize(token(claims), read(key));
    return true;
  } catch {
    return false;
  }
}

function call(method: Method, resource: string): Call {
  return { method, resource };
}

function read(key: string): Call {
  return call('ContextTool.RequestContext', key);
}

function subscribe(filter: string): Call {
  return call('EventBus.Subscribe', filter);
}

function publish(topic: string): Call {
  return call('EventBus.Publish', topic);
}

function grant(method: string, ...resource: string[]) {
  return { method, resource };
}

function token(claims: Partial<RootClaims>): VerifiedToken {
  const rest = { nbf: undefined, tid: undefined, txn: undefined, capabilities: undefined, grants: undefined };
  return toVerifiedToken({ iss: 'i', sub: 'Me', aud: ['Me'], exp: 2, iat: 1, jti: 'j', ...rest, ...claims });
}

function withReason(reason: Reason) {
  return expect.toSatisfy((error: unknown) => hasReason(error, reason));
}
