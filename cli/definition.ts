/** The custom resource definition that the package brings: files are checked against the same text as a cluster's. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Terminal } from './terminal.ts';

export function readDefinition({ packageFolder }: Pick<Terminal, 'packageFolder'>): string {
  return readFileSync(join(packageFolder, 'crds', 'mcp2.dev_mcp2servers.yaml'), 'utf8');
}
