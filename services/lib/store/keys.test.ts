import { expect, test } from 'vitest';
import { createKeys, familyRoot } from './keys.ts';

test('families of keys lie beside each other: no root is the beginning of another', () => {
  const roots = [createKeys('/mcp2/v1/').root, familyRoot('/mcp2/v1/', 'token'), familyRoot('/mcp2/v1/', 'tokens')];
  expect(roots).toEqual(['/mcp2/v1/', '/mcp2/v1.token/', '/mcp2/v1.tokens/']);
  for (const root of roots) {
    expect(roots.filter((other) => other !== root && other.startsWith(root))).toEqual([]);
  }
});

test.each(['Token', 'a/b', '', '.', 'a.b'])('"%s" is not the name of a family', (family) => {
  expect(() => familyRoot('/mcp2/v1/', family)).toThrow('lower-case letters');
});
