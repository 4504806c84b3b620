/**
 * What the image's argument `sample` serves: the inventory of examples/ as one server, as the sample server of former charts
 * was. Their pods have a writable /tmp, no configuration, and a name for the server.
 */
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';

interface Sqlite {
  readonly file: string;
  readonly init?: readonly string[];
}

interface Configuration {
  readonly server: object;
  readonly databases?: Readonly<Record<string, { readonly sqlite?: Sqlite }>>;
  readonly contexts?: readonly unknown[];
  readonly tools?: readonly unknown[];
}

export interface SampleInventory {
  /** Holds inventory.yaml, pricing.yaml and the files that they name. */
  readonly examples: string;
  /** Where configuration and database are written. */
  readonly folder: string;
  readonly serverName: string;
}

/** @returns the configuration file. @throws the file system's error. */
export function writeInventory({ examples, folder, serverName }: SampleInventory): string {
  const names = readdirSync(examples).filter((name) => /\.(?:sql|mjs)$/.test(name));
  for (const name of names) cpSync(join(examples, name), join(folder, name));
  const read = (name: string) => parse(readFileSync(join(examples, name), 'utf8')) as Configuration;
  const file = join(folder, 'server.yaml');
  writeFileSync(file, stringify(inOneServer([read('inventory.yaml'), read('pricing.yaml')], { folder, serverName })));
  return file;
}

/** Databases get absolute paths: a relative one counts from the folder of `mcp2 up` alone. */
function inOneServer(
  parts: readonly Configuration[],
  { folder, serverName }: Pick<SampleInventory, 'folder' | 'serverName'>,
): Configuration {
  const databases = parts.flatMap((part) =>
    Object.entries(part.databases ?? {}).map(([name, { sqlite, ...other }]) => {
      const own = sqlite === undefined ? other : { sqlite: withoutOutbox(sqlite, folder) };
      return [name, own] as const;
    }),
  );
  return {
    server: { ...parts[0]?.server, name: serverName },
    databases: Object.fromEntries(databases),
    contexts: parts.flatMap(({ contexts = [] }) => contexts),
    tools: parts.flatMap(({ tools = [] }) => tools),
  };
}

/** It has no token with which it could publish, so it writes no rows for that either. */
function withoutOutbox({ file, init = [] }: Sqlite, folder: string): Sqlite {
  return { file: join(folder, file), init: init.filter((name) => name !== 'outbox.sql') };
}
