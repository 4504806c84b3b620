import { expect, test } from 'vitest';
import { uselessDefaults, withDefaults, withSecrets } from './component-values.ts';
import { readTraits, toKebabCase } from './traits.ts';
import { allOf, readValues } from './values-document.ts';

const defined = (traits: string) => readTraits(`{{- define "mcp2.traits" -}}\n${traits}\n{{- end -}}\n`);

test.each([
  ['registry', 'registry'],
  ['eventBus', 'event-bus'],
  ['contextToolProxy', 'context-tool-proxy'],
])('%s is %s in what is made from it', (key, name) => {
  expect(toKebabCase(key)).toBe(name);
});

test.each([
  ['a trait that does not exist', 'bus: {prot: 1}', 'bus.prot is not a trait; use one of port, volume'],
  ['a key in kebab case', 'event-bus: {port: 1}', 'event-bus must be camelCase'],
  ['a call to nobody', 'bus: {calls: [registry]}', 'bus.calls names registry, which is not a component with a port'],
])('%s is refused', (_title, traits, sentence) => {
  expect(() => defined(traits)).toThrow(sentence);
});

test('a component calls others, itself and any server', () => {
  expect([...defined('a: {port: 1, calls: [a]}\nb: {calls: [a, servers]}').keys()]).toEqual(['a', 'b']);
});

const VALUES = readValues(`# Defaults.
componentDefaults:
  # Level.
  logLevel: info
  # Service.
  # @trait port
  service:
    # Type.
    type: ClusterIP
  # Policy.
  networkPolicy:
    # Who.
    # @trait port
    # @schema items: {type: string}
    from: []
    # More.
    # @schema items: {type: string}
    extraEgress: []
# A.
alpha:
  # Service.
  service:
    # Port.
    port: 1
# B.
beta:
  # Level.
  logLevel: warn
`);

test('a section takes what its traits allow of componentDefaults, and keeps what it says itself', () => {
  const components = defined('alpha: {port: 1}\nbeta: {leader: true}');
  const paths = allOf(withDefaults(VALUES, components)).map(
    ({ path, isInherited }) => `${path}${isInherited ? ' *' : ''}`,
  );
  expect(paths.filter((path) => /^(alpha|beta)\./.test(path)).sort()).toEqual([
    'alpha.logLevel *',
    'alpha.networkPolicy *',
    'alpha.networkPolicy.extraEgress *',
    'alpha.networkPolicy.from *',
    'alpha.service',
    'alpha.service.port',
    'alpha.service.type *',
    'beta.logLevel',
    'beta.networkPolicy *',
    'beta.networkPolicy.extraEgress *',
  ]);
  expect(uselessDefaults(VALUES, { leader: true })).toEqual(['service', 'networkPolicy.from']);
});

test('a component without a section of values is noticed', () => {
  expect(() => withSecrets(VALUES, defined('gamma: {port: 1}'))).toThrow('values.yaml has no section gamma');
});
