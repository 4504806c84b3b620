import { describe, expect, test } from 'vitest';
import type { ServiceCard } from '#lib/card/service-card.ts';
import { advertise, MAX_DIFFERENT_CARDS } from './advertise.ts';

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

test('a card that differs between endpoints only in words counts once', () => {
  const cards = Array.from({ length: 1000 }, (_, i) => ({ ...card('db:inventory:read'), version: `1.0.${i}` }));
  expect(advertise('Discovered', [], cards).advertised).toEqual(['db:inventory:read']);
});

test('endpoints that all say something else have nothing in common', () => {
  const cards = Array.from({ length: MAX_DIFFERENT_CARDS + 1 }, (_, i) => card('db:inventory:read', `tool:t${i}`));
  expect(advertise('Discovered', [], cards.slice(1)).advertised).toEqual(['db:inventory:read']);
  expect(advertise('Discovered', [], cards).advertised).toEqual([]);
});

describe('cards made to multiply', () => {
  const hostile = (c: number) => card('db:*', ...Array.from({ length: 255 }, (_, i) => `db:t${c}:r${i}`));

  test('advertise no more than one card may', () => {
    const cards = Array.from({ length: MAX_DIFFERENT_CARDS }, (_, c) => hostile(c));
    expect(advertise('Discovered', [], cards).advertised).toHaveLength(256);
  });

  test('cost a moment, however many they are', () => {
    const cards = Array.from({ length: 1000 }, (_, c) => hostile(c));
    const beganMs = performance.now();
    advertise('Intersect', ['db:*'], cards);
    expect(performance.now() - beganMs).toBeLessThan(2_000);
  });
});
