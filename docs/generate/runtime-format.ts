/**
 * `npm run generate`: writes docs/context-tool.schema.json, the format of a runtime configuration for editors, from the schema
 * that judges it at load. A test compares the two.
 */
import { writeFileSync } from 'node:fs';
import { runtimeFormat } from '../../services/context-tool/config/format.ts';

/** Of the page, relative to this file. */
export const SCHEMA_PAGE = '../context-tool.schema.json';

export function renderRuntimeFormat(): string {
  return `${JSON.stringify(runtimeFormat(), null, 2)}\n`;
}

if (import.meta.main) writeFileSync(new URL(SCHEMA_PAGE, import.meta.url), renderRuntimeFormat());
