/** Settings of the context-tool's process: those of every service, and its own. What it serves is in the configuration file. */
import { resolve } from 'node:path';
import { type Environment, EnvReader } from '#lib/config/env-reader.ts';
import { readServiceSettings, type ServiceSettings } from '#lib/service/settings.ts';

export interface ContextToolSettings extends ServiceSettings {
  /** The runtime configuration, absolute. MCP2_CONTEXT_TOOL_CONFIG. */
  readonly file: string;
  /** False: MCP2_LISTEN was not set, and the configuration's `listen` counts. */
  readonly listenGiven: boolean;
}

/** @throws ConfigError naming every invalid variable. */
export function readConfig(env: Environment): ContextToolSettings {
  const read = new EnvReader(env);
  const settings: ContextToolSettings = {
    ...readServiceSettings(read, { listen: '0.0.0.0:50061' }),
    file: resolve(read.required('MCP2_CONTEXT_TOOL_CONFIG')),
    listenGiven: read.optional('MCP2_LISTEN') !== undefined,
  };
  read.check();
  return Object.freeze(settings);
}
