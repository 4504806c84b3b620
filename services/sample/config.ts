/** Settings of the sample server: those of every service, and its own, which begin with MCP2_SAMPLE_. */
import { isReservedServerName, isServerName } from '#lib/capability/name.ts';
import { type Environment, EnvReader } from '#lib/config/env-reader.ts';
import { readServiceSettings, type ServiceSettings } from '#lib/service/settings.ts';

export interface SampleConfig extends ServiceSettings {
  /** The audience that tokens must name. MCP2_SAMPLE_SERVER_NAME; default "InventoryDB_Primary". */
  readonly serverName: string;
}

/** @throws ConfigError naming every invalid variable. */
export function readConfig(env: Environment): SampleConfig {
  const read = new EnvReader(env);
  const config: SampleConfig = {
    ...readServiceSettings(read, { listen: '0.0.0.0:50061' }),
    serverName: readServerName(read),
  };
  read.check();
  return Object.freeze(config);
}

function readServerName(read: EnvReader): string {
  const name = read.string('MCP2_SAMPLE_SERVER_NAME', { fallback: 'InventoryDB_Primary' });
  if (!isServerName(name) || isReservedServerName(name)) {
    read.problem('MCP2_SAMPLE_SERVER_NAME must be a server name such as InventoryDB_Primary');
  }
  return name;
}
