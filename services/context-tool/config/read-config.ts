/**
 * Reads a runtime configuration: YAML, checked against the format, its files found, and everything checked that can be
 * checked without a database and without running a module. All mistakes are told at once, each with its place.
 *
 * One broken part spoils the whole: half of a server is nothing that somebody wrote.
 */
import { dirname, resolve } from 'node:path';
import { isReservedServerName } from '#lib/capability/name.ts';
import { ForeignFileError, readForeignFileSync } from '#lib/foreign-file.ts';
import { parseHostPort } from '#lib/net/listen-address.ts';
import { isObject, type Segments } from '#lib/schema/schema.ts';
import { createShapeCheck } from './check-shape.ts';
import { MAX_DECLARATIONS } from './format.ts';
import { type RawDatabase, readDatabase } from './read-database.ts';
import { checkDoubles, type RawContext, type RawTool, readContext, readTool } from './read-declarations.ts';
import { type RawOutbox, readOutbox } from './read-events.ts';
import { locateSecret, type Reading, type SqlitePlace } from './reading.ts';
import type { DatabaseConfig, Place, Problem, RuntimeConfig, SecretReference } from './runtime-config.ts';
import { memberOf, RuntimeDocument, shownPath } from './runtime-document.ts';
import type { Secrets } from './secrets.ts';

export interface ReadConfigOptions {
  /** The configuration, absolute. */
  readonly file: string;
  /** Paths in problems are shown from here where they lie below it. */
  readonly workingFolder: string;
  readonly sqlite: SqlitePlace;
  /** What problems call the configuration. Default: its path, from the working folder where it lies below that. */
  readonly shownAs?: string | undefined;
  /** Of the configuration, where it was read already. */
  readonly text?: string | undefined;
  /** To ask whether each secret is there; without it nobody asks. */
  readonly secrets?: Secrets | undefined;
}

/** Of what no reload can change. */
export interface FixedPlaces {
  readonly serverName: Place;
  readonly listen: Place;
}

/** What was read, for whoever follows it; also of a broken configuration. */
interface ReadFiles {
  /** Absolute paths: the configuration first, then SQL, modules, contents, secrets and init files. */
  readonly files: readonly string[];
}

export type ReadConfig = ReadFiles &
  (
    | { readonly config: RuntimeConfig; readonly places: FixedPlaces; readonly problems?: undefined }
    /** By file, line and column; never empty. */
    | { readonly config?: undefined; readonly problems: readonly Problem[] }
  );

export type ConfigReader = (options: ReadConfigOptions) => ReadConfig;

/** A larger file is refused: a ConfigMap holds no more. */
export const MAX_CONFIG_BYTES = 1024 * 1024;

/** Compiles the format once, when it is first needed. */
export function createConfigReader(): ConfigReader {
  const checkShape = createShapeCheck();
  return function readRuntimeConfig(options) {
    const { file, workingFolder, shownAs = shownPath(file, workingFolder) } = options;
    try {
      const text = options.text ?? readForeignFileSync(file, { maxBytes: MAX_CONFIG_BYTES }).toString('utf8');
      const document = new RuntimeDocument(shownAs, text);
      if (document.problems.length === 0 || document.value !== undefined) checkShape(document);
      return readDocument(document, options);
    } catch (error) {
      if (!(error instanceof ForeignFileError)) throw error;
      const message = `cannot be read: ${error.message}`;
      return { files: [file], problems: [{ file: shownAs, line: 1, column: 1, path: '', message }] };
    }
  };
}

function readDocument(document: RuntimeDocument, options: ReadConfigOptions): ReadConfig {
  const files = new Set([options.file]);
  const config = readParts(document, options, files);
  const { problems } = document;
  if (problems.length > 0 || config === undefined) return { files: [...files], problems };
  const places = { serverName: document.place(['server', 'name']), listen: document.place(['listen']) };
  return { files: [...files], config, places };
}

function readParts(
  document: RuntimeDocument,
  options: ReadConfigOptions,
  files: Set<string>,
): RuntimeConfig | undefined {
  const { file, workingFolder, sqlite, secrets } = options;
  const folder = dirname(file);
  const databases = new Map<string, DatabaseConfig | undefined>();
  const shownFile = (written: string) => shownPath(resolve(folder, written), workingFolder);
  const reading: Reading = { document, folder, files, sqlite, secrets, databases, shown: shownFile };
  const server = wellFormed<RuntimeConfig['server']>(document, ['server']);
  if (server !== undefined) checkServerName(document, server.name);
  const listen = wellFormed<string>(document, ['listen']);
  if (listen !== undefined) checkListen(document, listen);
  const eventBus = wellFormed<string>(document, ['eventBus']);
  if (eventBus !== undefined) checkEventBus(document, eventBus);
  const token = wellFormed<SecretReference>(document, ['token']);
  const located = token && locateSecret(reading, ['token'], token);
  for (const name of Object.keys(asObject(memberOf(document.value, 'databases')))) {
    const raw = wellFormed<RawDatabase>(document, ['databases', name]);
    databases.set(name, raw && readDatabase(reading, name, raw));
  }
  const contexts = readEach(document, 'contexts', (index, raw: RawContext) => readContext(reading, index, raw));
  const tools = readEach(document, 'tools', (index, raw: RawTool) => readTool(reading, index, raw));
  const events = readEach(document, 'events', (index, raw: RawOutbox) => readOutbox(reading, index, raw));
  checkDoubles(reading, membersOf(document, 'contexts', 'key'), membersOf(document, 'tools', 'name'));
  if (server === undefined) return undefined;
  if (isEmpty(document)) document.add([], 'offers nothing; write contexts, tools or events');
  const usable = new Map([...databases].flatMap(([name, one]) => (one ? [[name, one] as const] : [])));
  return { file, server, listen, token: located, eventBus, databases: usable, contexts, tools, events };
}

/** The part where it stands and has no problem inside: only then it is what its type says. */
function wellFormed<T>(document: RuntimeDocument, segments: Segments): T | undefined {
  const value = segments.reduce<unknown>((outer, segment) => valueIn(outer, segment), document.value);
  return value === undefined || document.isBroken(segments) ? undefined : (value as T);
}

function readEach<Raw, T>(
  document: RuntimeDocument,
  list: string,
  read: (index: number, raw: Raw) => T | undefined,
): readonly T[] {
  const items = memberOf(document.value, list);
  if (!Array.isArray(items)) return [];
  return items.slice(0, MAX_DECLARATIONS).flatMap((_, index) => {
    const raw = wellFormed<Raw>(document, [list, index]);
    return (raw && read(index, raw)) ?? [];
  });
}

function isEmpty({ value }: RuntimeDocument): boolean {
  return ['contexts', 'tools', 'events'].every((name) => {
    const list = memberOf(value, name) ?? [];
    return Array.isArray(list) && list.length === 0;
  });
}

function membersOf({ value }: RuntimeDocument, list: string, member: string): readonly unknown[] {
  const items = memberOf(value, list);
  return Array.isArray(items) ? items.slice(0, MAX_DECLARATIONS).map((item) => memberOf(item, member)) : [];
}

function valueIn(outer: unknown, segment: string | number): unknown {
  return Array.isArray(outer) ? outer[Number(segment)] : memberOf(outer, String(segment));
}

function asObject(value: unknown): Readonly<Record<string, unknown>> {
  return isObject(value) ? value : {};
}

function checkServerName(document: RuntimeDocument, name: string): void {
  if (!isReservedServerName(name)) return;
  document.add(['server', 'name'], 'is the name of a part of mcp2 itself; choose another one');
}

function checkListen(document: RuntimeDocument, listen: string): void {
  if (parseHostPort(listen) !== undefined) return;
  document.add(['listen'], 'write host:port, for example 127.0.0.1:50061, or "[::1]:50061" for IPv6');
}

function checkEventBus(document: RuntimeDocument, eventBus: string): void {
  if (parseHostPort(eventBus) !== undefined) return;
  document.add(['eventBus'], 'write host:port, for example mcp2-event-bus.mcp2-system.svc:50052');
}
