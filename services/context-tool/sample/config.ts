/** Settings of the image's argument `sample`: those of the context-tool but for its file, and the name of the server. */
import { isReservedServerName, isServerName } from '#lib/capability/name.ts';
import { ConfigError, type Environment, EnvReader } from '#lib/config/env-reader.ts';
import { type ContextToolSettings, readConfig } from '../config.ts';

export interface SampleSettings extends Omit<ContextToolSettings, 'file'> {
  /** The audience that tokens must name. MCP2_SAMPLE_SERVER_NAME; default "InventoryDB_Primary". */
  readonly serverName: string;
}

/** @throws ConfigError naming every invalid variable. */
export function readSampleConfig(env: Environment): SampleSettings {
  const read = new EnvReader(env);
  const serverName = read.string('MCP2_SAMPLE_SERVER_NAME', { fallback: 'InventoryDB_Primary' });
  if (!isServerName(serverName) || isReservedServerName(serverName)) {
    read.problem('MCP2_SAMPLE_SERVER_NAME must be a server name such as InventoryDB_Primary');
  }
  const settings = readOthers(env, read);
  read.check();
  return Object.freeze({ ...(settings as ContextToolSettings), serverName });
}

/** The file is written when all is right. @returns undefined after problems were added */
function readOthers(env: Environment, read: EnvReader): ContextToolSettings | undefined {
  try {
    return readConfig({ ...env, MCP2_CONTEXT_TOOL_CONFIG: 'server.yaml' });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const problem of error.problems) read.problem(problem);
    return undefined;
  }
}
