/**
 * The published package: emitted JavaScript and declarations in the folders of the repository, and the files that they
 * read at run time. Node strips no types under node_modules, so the source itself would not run there.
 */
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Copied as they are; a README is added where there is one. */
const FILES = [...['LICENSE', 'CHANGELOG.md', 'cli/mcp2.mjs', 'crds/mcp2.dev_mcp2servers.yaml', 'examples/inventory']];
const PROTO_FOLDERS = ['protos/mcp2', 'protos/google'];

interface Source {
  readonly emitted: string;
}

interface Manifest {
  readonly imports: Readonly<Record<string, Source>>;
  /** A file that is nobody's source is named by itself. */
  readonly exports: Readonly<Record<string, Source | string>>;
  readonly [member: string]: unknown;
}

/** What only a checkout needs. */
const CHECKOUT_ONLY = ['private', 'scripts', 'devDependencies', 'allowScripts'];

/**
 * @param root The repository.
 * @param target Where the package is put together; emptied first.
 * @param emit Writes the JavaScript of tsconfig.build.json below the target.
 */
export function stagePackage(root: string, target: string, emit: (target: string) => void): void {
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  emit(target);
  for (const file of [...FILES, 'README.md']) {
    if (file === 'README.md' && !existsSync(join(root, file))) continue;
    copy(join(root, file), join(target, file));
  }
  for (const folder of PROTO_FOLDERS) copy(join(root, folder), join(target, folder));
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest;
  writeFileSync(join(target, 'package.json'), `${JSON.stringify(publishedManifest(manifest), null, 2)}\n`);
}

/** `imports` and `exports` name the emitted files, and exports their declarations; nothing else in them changes. */
export function publishedManifest(manifest: Manifest): object {
  const members = Object.entries(manifest).filter(([name]) => !CHECKOUT_ONLY.includes(name));
  const imports = Object.entries(manifest.imports).map(([pattern, { emitted }]) => [pattern, emitted]);
  const exports = Object.entries(manifest.exports).map(([name, source]) => [name, publishedExport(source)]);
  return {
    ...Object.fromEntries(members),
    exports: Object.fromEntries(exports),
    imports: Object.fromEntries(imports),
  };
}

/** TypeScript takes the first that it knows, so the declarations stand first. */
function publishedExport(source: Source | string): object | string {
  if (typeof source === 'string') return source;
  return { types: source.emitted.replace(/\.js$/, '.d.ts'), default: source.emitted };
}

function copy(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  cpSync(from, to, { recursive: true });
}
