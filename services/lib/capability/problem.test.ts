import { expect, test } from 'vitest';
import { audienceProblem, capabilityProblem, grantProblem, patternProblem } from './problem.ts';

test.each(['db:inventory:read', 'tool:*', '*:inventory:read', 'registry:register:Inv_*', 'registry:register:*'])(
  'the capability %s may be granted',
  (text) => {
    expect(capabilityProblem(text)).toBeUndefined();
  },
);

test.each([
  ['*', /grants everything/],
  ['*:*', /grants everything/],
  ['*:*:*', /grants everything/],
  ['db:inv*:read', /"\*" inside the segment "inv\*"/],
  ['db:**', /inside the segment "\*\*"/],
  ['db::read', /is not a pattern/],
  ['', /is not a pattern/],
  ['db:{a}', /is not a pattern/],
  ['image:enhance', /unknown namespace; use one of db, context, tool/],
  ['registry:register:Inv*', /ending in "_", "-" or "\."/],
  ['registry:register:a:b', /after "registry:register:"/],
])('the capability %j may not: %s', (text, message) => {
  expect(capabilityProblem(text)).toMatch(message);
});

test('everything may be granted by whoever may', () => {
  expect(capabilityProblem('*', { allowEverything: true })).toBeUndefined();
});

test('a pattern and an audience are refused with what to write instead', () => {
  expect([patternProblem('inventory:*'), audienceProblem('Inv_*')]).toEqual([undefined, undefined]);
  expect(patternProblem('inventory:prod*')).toMatch(/a whole segment may be "\*"/);
  expect(audienceProblem('Inv*')).toMatch(/such as "InventoryDB_\*"/);
});

test.each([
  ['a misspelt method', { method: 'ContextTool.InvokeTol' }, /is no method/],
  ['no resource', { resource: [] }, /resource is empty/],
  ['a resource outside the grammar', { resource: ['a', 'b*'] }, /inside the segment "b\*"/],
  ['the narrative form of params', { params: ['filter'] }, /\{"filter": \{\}\} allows any filter/],
  ['an unknown operator', { params: { a: { regex: 'x' } } }, /^params\.a: knows the operators/],
  ['a number as bound', { params: { a: { range: { max: 5 } } } }, /^params\.a: range must be .* decimals as strings/],
  ['a range that is empty', { params: { a: { range: { min: '2', max: '1' } } } }, /min of range is above max/],
  ['a pattern outside the grammar', { params: { a: { pattern: 'x*' } } }, /pattern is no pattern/],
  ['an empty in', { params: { a: { in: [] } } }, /in is empty/],
])('a grant with %s is refused', (_title, change, message) => {
  expect(grantProblem({ method: 'ContextTool.InvokeTool', resource: ['x'], ...change })).toMatch(message);
});

test('a whole grant may be granted', () => {
  const params = { a: { required: true, range: { min: '0', max: '9.5' } }, b: { under: '/data', maxBytes: 10 }, c: {} };
  expect(grantProblem({ method: 'ContextTool.InvokeTool', resource: ['*'], params })).toBeUndefined();
});
