/** What a statement may refer to: the segments of a key in braces, and the members that a schema names. */
import { parseKeyTemplate } from '#lib/capability/key-template.ts';
import { readWireForms } from '#lib/json-schema/read-wire-forms.ts';
import type { JsonSchema } from '#sdk/server/declaration.ts';
import type { ContextConfig, ToolConfig } from './config/runtime-config.ts';
import type { StatementNames } from './database/database.ts';

export function namesOf(declared: ContextConfig | ToolConfig): StatementNames {
  if ('name' in declared) return { segments: [], parameters: membersOf(declared.input) };
  const template = parseKeyTemplate(declared.key);
  const segments = typeof template === 'string' ? [] : template.names;
  return { segments, parameters: membersOf(declared.parameters) };
}

function membersOf(schema: JsonSchema | undefined): readonly string[] {
  return schema === undefined ? [] : [...(readWireForms(schema)?.keys() ?? [])];
}
