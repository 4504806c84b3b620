/** The setting MCP2_STORE_PREFIX, which all processes that use the store must share. */
import type { EnvReader } from '../config/env-reader.ts';
import { createKeys, DEFAULT_PREFIX } from './keys.ts';

/** @returns the default when what is set cannot be, which is reported. */
export function readStorePrefix(read: EnvReader): string {
  const prefix = read.string('MCP2_STORE_PREFIX', { fallback: DEFAULT_PREFIX });
  try {
    return createKeys(prefix).root;
  } catch {
    read.problem(`MCP2_STORE_PREFIX must look like ${DEFAULT_PREFIX}`);
    return DEFAULT_PREFIX;
  }
}
