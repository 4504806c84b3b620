import { expect, test } from 'vitest';
import type { Condition, Mcp2ServerStatus } from './resource.ts';
import { flips, rememberedComparison } from './status.ts';

const condition = (text: string): Condition => {
  const [type = '', status = '', reason = ''] = text.split(' ');
  return { type, status: status as Condition['status'], reason, message: '', lastTransitionTime: '' };
};

test.each<[string, string[], string[], string[]]>([
  ['a first visit that finds nothing wrong is no news', [], ['Accepted True Valid', 'Ready Unknown Pending'], []],
  ['a first visit that finds something wrong is', [], ['Accepted False InvalidSpec'], ['Accepted']],
  ['another reason for the same status is no news', ['Ready False A'], ['Ready False B'], []],
  [
    'Ready is no news of its own where it repeats another condition',
    ['Registered True ReadBack', 'Ready True Serving'],
    ['Registered Unknown StoreUnavailable', 'Ready Unknown StoreUnavailable'],
    ['Registered'],
  ],
  [
    'what is not known any more because another condition turned false is no news',
    ['EndpointsReady True EnoughEndpoints', 'HandshakeVerified True Verified', 'Ready True Serving'],
    ['EndpointsReady False ScaledToZero', 'HandshakeVerified Unknown Pending', 'Ready False ScaledToZero'],
    ['EndpointsReady'],
  ],
  [
    'Ready is news when it becomes true with another condition',
    ['EndpointsReady False ScaledToZero', 'Ready False ScaledToZero'],
    ['EndpointsReady True EnoughEndpoints', 'Ready True Serving'],
    ['EndpointsReady', 'Ready'],
  ],
  [
    'Ready is news when it turns for a reason that was there before',
    ['EndpointsReady Unknown Pending', 'Accepted False InvalidSpec', 'Ready Unknown Pending'],
    ['EndpointsReady Unknown Pending', 'Accepted False InvalidSpec', 'Ready False InvalidSpec'],
    ['Ready'],
  ],
])('%s', (_title, before, after, told) => {
  expect(flips(before.map(condition), after.map(condition)).map(({ type }) => type)).toEqual(told);
});

const status: Mcp2ServerStatus = {
  observedGeneration: 3,
  capabilities: { advertised: 1, declaredOnly: ['a:b'], undeclared: ['c:d'], digest: 'sha256:77' },
  conditions: [condition('CapabilitiesMatch False UndeclaredCapability')],
};

test('a comparison of cards is remembered for the same spec and the same card', () => {
  const remembered = { declaredOnly: ['a:b'], undeclared: ['c:d'] };
  expect(rememberedComparison(status, { generation: 3, cardDigest: '77' })).toEqual(remembered);
});

test.each<[string, Mcp2ServerStatus | undefined, number, string]>([
  ['there is no status', undefined, 3, '77'],
  ['the spec changed', status, 4, '77'],
  ['the card in Discovery changed', status, 3, '78'],
  ['nothing was compared', { ...status, conditions: [condition('CapabilitiesMatch Unknown NoCard')] }, 3, '77'],
])('no comparison is remembered when %s', (_title, previous, generation, cardDigest) => {
  expect(rememberedComparison(previous, { generation, cardDigest })).toBeUndefined();
});
