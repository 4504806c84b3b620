/**
 * The secret that renews an instance. A lease id alone is no authority: it stands in logs and answers.
 *
 * Only the hash is stored, so that whoever can read the store cannot keep a foreign instance alive. It is a random
 * value of full size, which needs no salt and no slow hash.
 */
import { createHash, timingSafeEqual } from 'node:crypto';

export const LEASE_TOKEN_BYTES = 32;
export const INSTANCE_ID_CHARACTERS = 26;

const INSTANCE_ID = /^[a-z2-7]{26}$/;
const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567';

/** Cryptographically strong. */
export type RandomBytes = (count: number) => Uint8Array;

/** Lower-case hex SHA-256. */
export function hashLeaseToken(leaseToken: Uint8Array): string {
  return createHash('sha256').update(leaseToken).digest('hex');
}

/** False for anything but the token itself, in time that says nothing about how alike they are. */
export function isLeaseToken(presented: Uint8Array, storedHash: string): boolean {
  const stored = Buffer.from(storedHash, 'hex');
  const actual = createHash('sha256').update(presented).digest();
  return stored.length === actual.length && timingSafeEqual(stored, actual);
}

/** 130 random bits that are a segment of a store key. */
export function newInstanceId(randomBytes: RandomBytes): string {
  return Array.from(randomBytes(INSTANCE_ID_CHARACTERS), (byte) => BASE32[byte % BASE32.length]).join('');
}

export function isInstanceId(text: string): boolean {
  return INSTANCE_ID.test(text);
}
