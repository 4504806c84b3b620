import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Grant, grantContains, grantCovers, parseGrant, refusedParameter } from './grant.ts';
import {
  constraintAccepts,
  constraintContains,
  type ParameterConstraint,
  parseConstraint,
} from './parameter-constraint.ts';
import { compilePattern } from './pattern.ts';

const BASE = { method: 'ContextTool.InvokeTool', resource: ['encrypt'] };

test.each([
  ['an unknown member', { ...BASE, until: 'tomorrow' }],
  ['an unknown operator', { ...BASE, params: { a: { regex: '.*' } } }],
  ['eq of the wrong type', { ...BASE, params: { a: { eq: 1 } } }],
  ['in of the wrong type', { ...BASE, params: { a: { in: 'x' } } }],
  ['in with a number', { ...BASE, params: { a: { in: ['x', 1] } } }],
  ['in with 65 values', { ...BASE, params: { a: { in: Array(65).fill('x') } } }],
  ['pattern of the wrong type', { ...BASE, params: { a: { pattern: ['a'] } } }],
  ['range with number bounds', { ...BASE, params: { a: { range: { min: 1 } } } }],
  ['range with an exponent', { ...BASE, params: { a: { range: { max: '1e3' } } } }],
  ['range without bounds', { ...BASE, params: { a: { range: {} } } }],
  ['range with an unknown member', { ...BASE, params: { a: { range: { min: '1', step: '1' } } } }],
  ['range with a null bound', { ...BASE, params: { a: { range: { min: '1', max: null } } } }],
  ['under with ..', { ...BASE, params: { a: { under: '/a/../b' } } }],
  ['under the root', { ...BASE, params: { a: { under: '/' } } }],
  ['maxBytes as text', { ...BASE, params: { a: { maxBytes: '1' } } }],
  ['a negative maxBytes', { ...BASE, params: { a: { maxBytes: -1 } } }],
  ['a fractional maxBytes', { ...BASE, params: { a: { maxBytes: 1.5 } } }],
  ['required of the wrong type', { ...BASE, params: { a: { required: 'yes' } } }],
  ['params that are a list (the narrative form)', { ...BASE, params: ['filter'] }],
  ['params null', { ...BASE, params: null }],
  ['a constraint that is no object', { ...BASE, params: { a: true } }],
  ['an illegal parameter name', { ...BASE, params: { 'a b': {} } }],
  ['33 parameters', { ...BASE, params: Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`p${i}`, {}])) }],
  ['no method', { resource: ['x'] }],
  ['a wildcard method', { method: 'ContextTool.*', resource: ['x'] }],
  ['no resource', { method: 'ContextTool.InvokeTool' }],
  ['a resource that is no list', { method: 'ContextTool.InvokeTool', resource: 'x' }],
  ['a resource with a number', { method: 'ContextTool.InvokeTool', resource: ['x', 1] }],
  ['text', 'ContextTool.InvokeTool'],
  ['null', null],
  ['a list', []],
])('%s voids the whole grant', (_title, value) => {
  expect(parseGrant(value)).toBeUndefined();
});

test('a __proto__ parameter, as JSON can hold one, voids the whole grant', () => {
  expect(parseGrant(JSON.parse('{"method":"A.B","resource":["x"],"params":{"__proto__":{}}}'))).toBeUndefined();
});

test('a resource outside the grammar matches nothing and leaves the others alone', () => {
  const parsed = grant({ ...BASE, resource: ['enc*', 'encrypt'] });
  expect(grantCovers(parsed, BASE.method, compilePattern('encrypt'))).toBe(true);
  expect(grantCovers(parsed, BASE.method, compilePattern('encode'))).toBe(false);
});

test('a grant covers its own method alone', () => {
  expect(grantCovers(grant(BASE), 'ContextTool.RequestContext', compilePattern('encrypt'))).toBe(false);
});

test('a call without a resource is covered by the bare * alone', () => {
  const method = 'ContextTool.MultiModalExchange';
  const covers = (resource: string[]) => grantCovers(grant({ method, resource }), method, undefined);
  expect([covers(['*']), covers(['chat']), covers(['chat:*'])]).toEqual([true, false, false]);
});

test.each([
  ['no params: any argument', undefined, { a: 'x' }, undefined],
  ['empty params: no argument', {}, { a: 'x' }, 'a'],
  ['empty params: a call without arguments', {}, undefined, undefined],
  ['the listed argument', { a: {} }, { a: 'x' }, undefined],
  ['an argument that is not listed (S6)', { a: {} }, { a: 'x', b: 'y' }, 'b'],
  ['an absent argument that is not required', { a: { eq: 'x' } }, {}, undefined],
  ['an absent argument that is required', { a: { required: true } }, {}, 'a'],
  ['a name that every object inherits', { a: {} }, { toString: 'x' }, 'toString'],
])('%s', (_title, params, values, expected) => {
  const parsed = grant(params === undefined ? BASE : { ...BASE, params });
  const args = values && Object.fromEntries(Object.entries(values).map(([name, value]) => [name, bytes(value)]));
  expect(refusedParameter(parsed, args)).toBe(expected);
  expect(refusedParameter(parsed, args && new Map(Object.entries(args)))).toBe(expected);
});

test.each([
  [{ eq: 'x' }, 'x', true],
  [{ eq: 'x' }, 'X', false],
  [{ eq: '\u00e9' }, 'e\u0301', false],
  [{ eq: 'x' }, '\ufeffx', false],
  [{ in: ['a', 'b'] }, 'b', true],
  [{ in: [] }, '', false],
  [{ pattern: 'inventory:*' }, 'inventory:p1', true],
  [{ pattern: 'inventory:*' }, 'inventory:', false],
  [{ pattern: 'inventory:*' }, 'inventory:*', false],
  [{ pattern: 'inv*' }, 'inv', false],
  [{ range: { min: '0', max: '100' } }, '100', true],
  [{ range: { min: '0', max: '100' } }, '100.0000001', false],
  [{ range: { max: '9007199254740993' } }, '9007199254740993.1', false],
  [{ range: { max: '0.3' } }, '0.30', true],
  [{ range: { min: '-1.5' } }, '-1.50', true],
  [{ range: { min: '-1.5' } }, '-1.51', false],
  [{ range: { min: '0' } }, '1e3', false],
  [{ range: { min: '0' } }, '+1', false],
  [{ range: { min: '0' } }, '01', false],
  [{ range: { min: '0' } }, '-0', false],
  [{ range: { min: '0' } }, ' 1', false],
  [{ range: { min: '0' } }, '1.', false],
  [{ range: { min: '0' } }, '.5', false],
  [{ range: { min: '0' } }, 'NaN', false],
  [{ range: { min: '0' } }, '0x10', false],
  [{ range: { min: '0' } }, '1'.repeat(33), false],
  [{ under: '/data' }, '/data/a/b', true],
  [{ under: '/data' }, '/data', true],
  [{ under: '/data' }, '/database', false],
  [{ under: '/data' }, 'data/a', false],
  [{ under: '/data' }, '/data/../etc', false],
  [{ under: '/data' }, '/data/./a', false],
  [{ under: '/data' }, '/data//a', false],
  [{ under: '/data' }, '/data/a/', false],
  [{ under: '/data' }, '/data/%2e%2e/etc', false],
  [{ under: '/data' }, '/data\\..\\etc', false],
  [{ under: '/data' }, '/data/a\0b', false],
  [{ under: 'data' }, 'data/a', true],
  [{ maxBytes: 2 }, '\u00e9', true],
  [{ maxBytes: 1 }, '\u00e9', false],
  [{ eq: 'x', maxBytes: 0 }, 'x', false],
])('%j on %j: %s', (operators, value, expected) => {
  expect(accepts(operators, bytes(value))).toBe(expected);
});

test('bytes that are not UTF-8 fail every operator but maxBytes', () => {
  const broken = Uint8Array.of(0xc3, 0x28);
  const operators = [{ eq: '\ufffd(' }, { in: ['\ufffd('] }, { pattern: '*' }, { range: { min: '0' } }, { under: 'a' }];
  expect(operators.map((each) => accepts(each, broken))).toEqual([false, false, false, false, false]);
  expect(accepts({ maxBytes: 2 }, broken)).toBe(true);
  expect(accepts({}, broken)).toBe(true);
});

test.each([
  ['eq in in', { in: ['a', 'b'] }, { eq: 'a' }, true],
  ['eq outside in', { in: ['a', 'b'] }, { eq: 'c' }, false],
  ['in within a pattern', { pattern: 'a:*' }, { in: ['a:b', 'a:c'] }, true],
  ['one value of in outside a pattern', { pattern: 'a:*' }, { in: ['a:b', 'b'] }, false],
  ['eq in a range', { range: { max: '5' } }, { eq: '5.0' }, true],
  ['eq under a path', { under: 'a' }, { eq: 'a/b' }, true],
  ['eq within maxBytes counts bytes', { maxBytes: 1 }, { eq: '\u00e9' }, false],
  ['a narrower pattern', { pattern: 'a:*' }, { pattern: 'a:*:b' }, true],
  ['a wider pattern', { pattern: 'a:b' }, { pattern: 'a:*' }, false],
  ['a narrower range', { range: { min: '0', max: '9' } }, { range: { min: '0.5', max: '9.0' } }, true],
  ['a range that drops a bound', { range: { min: '0', max: '9' } }, { range: { min: '1' } }, false],
  ['a longer path', { under: '/a' }, { under: '/a/b' }, true],
  ['a shorter path', { under: '/a/b' }, { under: '/a' }, false],
  ['a smaller maxBytes', { maxBytes: 9 }, { maxBytes: 8 }, true],
  ['a greater maxBytes', { maxBytes: 8 }, { maxBytes: 9 }, false],
  ['required added', {}, { required: true }, true],
  ['required removed', { required: true }, { eq: 'a' }, false],
  ['an operator removed', { eq: 'a', maxBytes: 3 }, { maxBytes: 3 }, false],
  ['an operator added', { maxBytes: 3 }, { maxBytes: 3, eq: 'a' }, true],
  ['another kind that happens to be narrower is not decided', { maxBytes: 100 }, { range: { max: '5' } }, false],
  ['a pattern outside the grammar is not decided', { pattern: 'a:*' }, { pattern: 'a*' }, false],
])('containment: %s', (_title, parent, child, expected) => {
  const [p, c] = [constraint(parent), constraint(child)];
  expect(constraintContains(p, c)).toBe(expected);
});

test.each([
  ['an equal grant', {}, {}, true],
  ['a narrower resource', { resource: ['a:*'] }, { resource: ['a:b', 'a:c:*'] }, true],
  ['one resource outside', { resource: ['a:*'] }, { resource: ['a:b', 'b'] }, false],
  ['another method', {}, { method: 'ContextTool.UploadContext' }, false],
  ['params added', {}, { params: { a: {} } }, true],
  ['params removed', { params: { a: {} } }, {}, false],
  ['a parameter added', { params: { a: {} } }, { params: { a: {}, b: {} } }, false],
  ['an optional parameter left out', { params: { a: {}, b: {} } }, { params: { a: {} } }, true],
  ['a required parameter left out', { params: { a: { required: true } } }, { params: {} }, false],
])('grant containment: %s', (_title, parent, child, expected) => {
  expect(grantContains(grant({ ...BASE, ...parent }), grant({ ...BASE, ...child }))).toBe(expected);
});

test('a constraint that is contained accepts nothing that its parent refuses', () => {
  const decimal = fc.integer({ min: -30, max: 30 }).map((n) => (n / 10).toString());
  const path = fc.array(fc.constantFrom('a', 'b'), { minLength: 1, maxLength: 3 });
  const name = fc.array(fc.constantFrom('a', 'b', '*'), { minLength: 1, maxLength: 3 }).map((atoms) => atoms.join(':'));
  const value = fc.oneof(
    decimal,
    path.map((segments) => segments.join('/')),
    path.map((segments) => segments.join(':')),
  );
  const operators = fc.record(
    {
      eq: value,
      in: fc.array(value, { maxLength: 3 }),
      pattern: name,
      range: fc.record({ min: decimal, max: decimal }, { requiredKeys: ['min'] }),
      under: path.map((segments) => segments.join('/')),
      maxBytes: fc.nat({ max: 5 }),
      required: fc.boolean(),
    },
    { requiredKeys: [] },
  );
  let contained = 0;
  fc.assert(
    fc.property(operators, operators, fc.array(value, { maxLength: 20 }), (parent, child, values) => {
      const [p, c] = [constraint(parent), constraint(child)];
      if (!constraintContains(p, c)) return;
      contained++;
      for (const each of [...values, child.eq ?? '', ...(child.in ?? [])]) {
        if (constraintAccepts(c, bytes(each))) expect(constraintAccepts(p, bytes(each))).toBe(true);
      }
    }),
    { numRuns: 5000 },
  );
  expect(contained).toBeGreaterThan(200);
});

function grant(value: unknown): Grant {
  const parsed = parseGrant(value);
  if (parsed === undefined) throw new Error('the test meant a valid grant');
  return parsed;
}

function constraint(operators: unknown): ParameterConstraint {
  const parsed = parseConstraint(operators);
  if (typeof parsed === 'string') throw new Error(`the test meant a valid constraint: ${parsed}`);
  return parsed;
}

function accepts(operators: unknown, value: Uint8Array): boolean {
  return constraintAccepts(constraint(operators), value);
}

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
