import { expect, test } from 'vitest';
import { AUTHORITY_OVERLAP_MS, AUTHORITY_RENEW_BEFORE_MS, planAuthority, type Validity } from './authority-plan.ts';

const NOW_MS = 1_800_000_000_000;
const HOUR_MS = 3_600_000;
const YEARS_MS = 10 * 365 * 24 * HOUR_MS;

function validity(fingerprint: string, notBeforeMs: number, notAfterMs: number): Validity {
  return { fingerprint, notBeforeMs, notAfterMs };
}

const young = validity('young', NOW_MS - HOUR_MS, NOW_MS + YEARS_MS);
const old = validity('old', NOW_MS - YEARS_MS, NOW_MS + AUTHORITY_RENEW_BEFORE_MS - HOUR_MS);
const dead = validity('dead', NOW_MS - YEARS_MS, NOW_MS - HOUR_MS);
const ripe = validity('ripe', NOW_MS - AUTHORITY_OVERLAP_MS, NOW_MS + YEARS_MS);

test.each<[string, { bundle: Validity[]; signing: Validity; next?: Validity }, string]>([
  ['one with years to live is kept', { bundle: [young], signing: young }, 'keep'],
  ['one with less than a year to live is followed by another', { bundle: [old], signing: old }, 'announce'],
  ['what was just announced does not sign yet', { bundle: [old, young], signing: old, next: young }, 'keep'],
  ['what was announced 30 days ago signs', { bundle: [old, ripe], signing: old, next: ripe }, 'promote'],
  ['an old one stays trusted until it ends', { bundle: [old, ripe], signing: ripe }, 'keep'],
  ['one that has ended leaves the bundle', { bundle: [dead, young], signing: young }, 'prune'],
  ['one that ended while it signed is replaced at once', { bundle: [dead], signing: dead }, 'replace'],
  ['and by the announced one, if there is one', { bundle: [dead, young], signing: dead, next: young }, 'promote'],
  ['but not by one that has ended too', { bundle: [dead], signing: dead, next: dead }, 'replace'],
])('%s', (_title, { bundle, signing, next }, expected) => {
  expect(planAuthority({ nowMs: NOW_MS, bundle, signing, next }).kind).toBe(expected);
});
