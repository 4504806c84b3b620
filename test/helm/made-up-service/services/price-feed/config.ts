/** Settings of the price feed: those of every service. */
import { type Environment, EnvReader } from '#lib/config/env-reader.ts';
import { readServiceSettings, type ServiceSettings } from '#lib/service/settings.ts';

/** @throws ConfigError naming every invalid variable. */
export function readConfig(env: Environment): ServiceSettings {
  const read = new EnvReader(env);
  const config = readServiceSettings(read, { listen: '0.0.0.0:50070' });
  read.check();
  return Object.freeze(config);
}
