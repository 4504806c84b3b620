/** Where ConfigMap `mcp2-trust` is mounted (who issues tokens, their keys, the registry and its CA). */
import type { Environment } from './env-reader.ts';
import { nonEmpty } from './non-empty.ts';

const TRUST_FOLDER = '/etc/mcp2/trust';

/** @returns MCP2_TRUST_DIR, by default /etc/mcp2/trust; it need not exist */
export function locateTrustFolder(env: Environment): string {
  return nonEmpty(env.MCP2_TRUST_DIR) ?? TRUST_FOLDER;
}
