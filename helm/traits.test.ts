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
  ['a trait that does not exist', 'bus: {prot: 1}', 'bus.prot is not a trait; use one of port, entries, volume'],
  ['a key in kebab case', 'event-bus: {port: 1}', 'event-bus must be camelCase'],
  ['a leader of each entry', 'bus: {entries: topics, leader: true}', 'bus has entries, so it cannot have leader'],
  ['a call to nobody', 'bus: {calls: [registry]}', 'bus.calls names registry, which is not a component with a port'],
])('%s is refused', (_title, traits, sentence) => {
  expect(() => defined(traits)).toThrow(sentence);
});

test('a component calls others, itself, any server and what configurations name', () => {
  expect([...defined('a: {port: 1, calls: [a]}\nb: {calls: [a, servers, backends]}').keys()]).toEqual(['a', 'b']);
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

const WITH_ENTRIES = readValues(`# Defaults.
componentDefaults:
  # Level.
  logLevel: info
# Topics.
bus:
  # Some.
  # @once
  sample: false
  # Each.
  # @entries
  topics: {}
  # How long.
  retention: 1h
`);

test('an entry takes what stands beside the map of entries, that of componentDefaults too, and not the map', () => {
  const [, bus] = withDefaults(WITH_ENTRIES, defined('bus: {entries: topics}'));
  const entry = bus?.children.find(({ key }) => key === 'topics')?.entry;
  expect(entry?.map(({ path, isInherited }) => [path, isInherited])).toEqual([
    ['bus.topics.<entry>.retention', true],
    ['bus.topics.<entry>.logLevel', true],
  ]);
});

test.each([
  ['bus: {port: 1}', 'the trait entries of bus is not there, but "@entries" marks topics'],
  ['bus: {entries: streams}', 'the trait entries of bus is streams, but "@entries" marks topics'],
])('traits and values that name different maps of entries are noticed: %s', (traits, sentence) => {
  expect(() => withSecrets(WITH_ENTRIES, defined(traits))).toThrow(sentence);
});
