/**
 * Files of the folder that configure a server instead of naming one. Who runs such servers is none of the operator's
 * business: it says which files there are, and is told where their servers listen, as if somebody had written that down.
 */
import { canonicalHash } from '#lib/canonical-json.ts';
import type { Defined, ReadFile } from './file-definitions.ts';
import type { FileProblem } from './resource-file.ts';

/** What is known of one such file. */
export interface RuntimeFile {
  /** False until it is known whether its server runs: what is remembered of it stands. */
  readonly isTried: boolean;
  /** Undefined as long as its server never ran. */
  readonly resource: Defined['resource'] | undefined;
  /** What is wrong with the file as it is now; the server goes on as it was. */
  readonly problems: readonly FileProblem[];
}

export interface RuntimeFiles {
  /** Called after each look at the folder, with all such files in it. Must return at once and not throw. */
  follow(names: readonly string[]): void;
  /** Resolves when each of them was tried once. Never rejects. */
  settled(): Promise<void>;
  /** Undefined for a file that is not followed. */
  get(name: string): RuntimeFile | undefined;
  /** The listener must be quick and not throw. */
  onChange(listener: () => void): void;
}

/** Where nobody runs such servers. */
export function noRuntimeFiles(): RuntimeFiles {
  return { follow: () => undefined, settled: async () => undefined, get: () => undefined, onChange: () => undefined };
}

/**
 * The files with what their servers are: whoever runs them judges them too.
 *
 * @param rememberedIn What a file defined before this process began.
 */
export function withServers(
  files: ReadonlyMap<string, ReadFile>,
  runtimeFiles: Pick<RuntimeFiles, 'get'>,
  rememberedIn: (name: string) => ReadFile['resources'],
): ReadonlyMap<string, ReadFile> {
  return new Map(
    [...files].map(([name, file]) => [name, withServer(file, runtimeFiles.get(name), () => rememberedIn(name))]),
  );
}

function withServer(file: ReadFile, known: RuntimeFile | undefined, remembered: () => ReadFile['resources']): ReadFile {
  if (file.isRuntime !== true || known === undefined) return file;
  const { isTried, resource, problems } = known;
  const running = resource === undefined ? [] : [resource];
  const resources = isTried ? running : remembered();
  return { ...file, digest: canonicalHash({ resources, problems }), resources, problems };
}
