import { expect, test } from 'vitest';
import { kindOfDocument } from './document-kind.ts';

test.each([
  ['a resource', { apiVersion: 'mcp2.dev/v1alpha1', kind: 'Mcp2Server' }, 'resource'],
  ['a resource that happens to have a server', { apiVersion: 'v1', server: 'a' }, 'resource'],
  ['a resource without its head', { spec: {} }, 'resource'],
  ['a runtime configuration', { server: { name: 'A' }, tools: [] }, 'runtime'],
  ['a runtime configuration without its server', { contexts: [] }, 'runtime'],
  ['values of something else', { replicas: 3 }, 'other'],
  ['an empty map', {}, 'other'],
  ['a list', ['server'], 'resource'],
  ['a text', 'server', 'resource'],
  ['what only every object has', { constructor: 1 }, 'other'],
])('%s', (_title, value, kind) => {
  expect(kindOfDocument(value)).toBe(kind);
});
