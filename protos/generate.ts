/**
 * `npm run generate`: writes protos/generated from the .proto files with proto-loader's own generator.
 *
 * The generator is told the options of load.ts, so that the types cannot promise another shape than the messages have.
 * It also writes one index a .proto file, for grpc-js' loadPackageDefinition; those are deleted, since nobody here loads
 * packages so and they do not pass the type check (unused imports).
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, relative } from 'node:path';
import { LOADER_OPTIONS, PROTO_FILES, PROTO_ROOT } from './load.ts';

/** Replaces `folder` by freshly generated types. @throws when the generator refuses a file. */
export function generateTypes(folder: string): void {
  const repository = join(PROTO_ROOT, '..');
  const generator = createRequire(import.meta.url).resolve('@grpc/proto-loader/build/bin/proto-loader-gen-types.js');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  execFileSync(process.execPath, [generator, ...generatorFlags(), `--outDir=${folder}`, ...PROTO_FILES], {
    cwd: repository, // the generator writes paths relative to here into its comments
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isFile()) rmSync(join(folder, entry.name));
  }

  function generatorFlags(): string[] {
    const { longs, ...switches } = LOADER_OPTIONS;
    const enabled = Object.entries(switches).filter(([, value]) => value);
    return [
      ...enabled.map(([name]) => `--${name}`),
      `--longs=${longs.name}`,
      '--grpcLib=@grpc/grpc-js',
      '--importFileExtension=.ts',
      '--includeComments',
      `--includeDirs=${relative(repository, PROTO_ROOT)}`,
    ];
  }
}

if (import.meta.main) generateTypes(join(PROTO_ROOT, 'generated'));
