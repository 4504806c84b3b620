import { expect, test } from 'vitest';
import type { ServiceCard } from '#lib/card/service-card.ts';
import { advertise } from './advertise.ts';

const card = (...capabilities: string[]): ServiceCard => ({
  name: 'DB',
  version: '1.0.0',
  protocol: 'mcp2/1',
  services: ['ContextTool'],
  capabilities,
});

test('Intersect advertises the narrower of what both say', () => {
  const cards = [card('db:inventory:read', 'tool:debug_dump')];
  expect(advertise('Intersect', ['db:inventory:*', 'tool:price'], cards)).toEqual({
    advertised: ['db:inventory:read'],
    declaredOnly: ['tool:price'],
    undeclared: ['tool:debug_dump'],
  });
});

test('a card that claims everything adds nothing to what was declared', () => {
  const result = advertise('Intersect', ['db:inventory:read'], [card('db:*')]);
  expect(result).toEqual({ advertised: ['db:inventory:read'], declaredOnly: [], undeclared: ['db:*'] });
});

test('during a roll-out only what every endpoint says is advertised', () => {
  const cards = [card('db:inventory:read'), card('db:inventory:read', 'tool:price')];
  expect(advertise('Intersect', ['db:inventory:read', 'tool:price'], cards).advertised).toEqual(['db:inventory:read']);
  expect(advertise('Discovered', [], cards).advertised).toEqual(['db:inventory:read']);
});

test('Declared asks no card', () => {
  expect(advertise('Declared', ['db:inventory:read'], []).advertised).toEqual(['db:inventory:read']);
});

test('without a card neither Intersect nor Discovered has anything to advertise', () => {
  expect(advertise('Intersect', ['db:inventory:read'], []).advertised).toEqual([]);
  expect(advertise('Discovered', ['db:inventory:read'], []).advertised).toEqual([]);
});
