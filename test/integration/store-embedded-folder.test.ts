/** The folder of the embedded store: which are refused, with what sentence, and which are taken. */
import { existsSync } from 'node:fs';
import { cp, mkdir, readFile, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { StoreFolderError } from '#lib/store/embedded/errors.ts';
import { open, put, temporaryFolder } from '../harness/embedded-store.ts';

test('a folder is made with its parents, for its owner alone', async () => {
  const directory = join(await temporaryFolder(), 'state', 'store');
  await put(await open(directory), '/a', '1');
  expect((await stat(directory)).mode & 0o777).toBe(0o700);
});

const NEW_PATHS: [string, (folder: string) => Promise<string>, RegExp][] = [
  [
    'a folder with other files',
    async (folder) => {
      await writeFile(join(folder, 'thesis.txt'), 'precious');
      return folder;
    },
    /holds files that do not belong to an mcp2 store \(for example "thesis.txt"\): name another folder, or an empty one/,
  ],
  [
    'a database of another program',
    async (folder) => {
      await writeFile(join(folder, 'store.sqlite'), Buffer.alloc(8192, 'x'));
      return folder;
    },
    /holds files that do not belong to an mcp2 store \(for example "store.sqlite"\)/,
  ],
  [
    'a file',
    async (folder) => {
      await writeFile(join(folder, 'file'), '');
      return join(folder, 'file');
    },
    /cannot be used as the folder of the store .*: make it a folder that this user can read and write, or name another/,
  ],
  [
    'a path below a file',
    async (folder) => {
      await writeFile(join(folder, 'file'), '');
      return join(folder, 'file', 'store');
    },
    /cannot be used as the folder of the store/,
  ],
  [
    'a link to nowhere',
    async (folder) => {
      await symlink(join(folder, 'gone'), join(folder, 'link'));
      return join(folder, 'link');
    },
    /cannot be used as the folder of the store/,
  ],
];

test.each(NEW_PATHS)('%s is refused with what to do, and left as it was', async (_title, make, sentence) => {
  const path = await make(await temporaryFolder());
  await expect(open(path)).rejects.toThrow(StoreFolderError);
  await expect(open(path)).rejects.toThrow(sentence);
  expect(existsSync(join(path, 'mcp2-store.json'))).toBe(false);
});

const DAMAGES: [string, (folder: string) => Promise<unknown>, RegExp][] = [
  [
    'a database that is none',
    (folder) => writeFile(join(folder, 'store.sqlite'), Buffer.alloc(200_000, 'garbage!')),
    /store.sqlite is damaged or cut short .*: put a backup of .* in its place, or move it away to start empty/,
  ],
  [
    'a database cut short',
    (folder) => truncate(join(folder, 'store.sqlite'), 16_384),
    /store.sqlite is damaged or cut short/,
  ],
  [
    'a database of a few bytes',
    (folder) => writeFile(join(folder, 'store.sqlite'), 'hi'),
    /store.sqlite is damaged or cut/,
  ],
  [
    'a new database in the place of its own',
    async (folder) => {
      const other = await temporaryFolder();
      await (await open(other)).close();
      await cp(join(other, 'store.sqlite'), join(folder, 'store.sqlite'));
    },
    /store.sqlite is damaged or cut short \(it ends at revision 1, although revision 21 was written\)/,
  ],
  [
    'an empty database',
    (folder) => writeFile(join(folder, 'store.sqlite'), ''),
    /store.sqlite is empty \(revision 21 was written\): put a backup/,
  ],
  [
    'no database',
    (folder) => rm(join(folder, 'store.sqlite')),
    /store.sqlite is missing \(revision 21 was written\): put a backup/,
  ],
  [
    'a folder where the database should be',
    async (folder) => {
      await rm(join(folder, 'store.sqlite'));
      await mkdir(join(folder, 'store.sqlite'));
    },
    /cannot be used as the folder of the store \(store.sqlite is not a regular file\)/,
  ],
  ['a damaged marker', (folder) => writeFile(join(folder, 'mcp2-store.json'), '{'), /mcp2-store.json is damaged/],
  ['a marker of null', (folder) => writeFile(join(folder, 'mcp2-store.json'), 'null'), /mcp2-store.json is damaged/],
  [
    'a marker without a revision',
    (folder) => writeFile(join(folder, 'mcp2-store.json'), '{"format":2}'),
    /mcp2-store.json is damaged/,
  ],
  [
    'a newer format',
    (folder) => writeFile(join(folder, 'mcp2-store.json'), '{"format":3,"pages":0}'),
    /was written by a newer mcp2 \(store format 3, this one reads 2\): start that version, or name another folder/,
  ],
  [
    'a damaged lock',
    (folder) => writeFile(join(folder, 'in-use.sqlite'), 'garbage'.repeat(200)),
    /in-use.sqlite is damaged: delete that file and start again/,
  ],
];

test.each(DAMAGES)(
  'a store with %s is refused with what to do; undone, it opens again',
  async (_title, damage, sentence) => {
    const directory = await temporaryFolder();
    const store = await open(directory);
    for (let i = 0; i < 20; i++) await put(store, `/a/${i}`, 'x'.repeat(1_000));
    await store.close();
    const backup = join(await temporaryFolder(), 'backup');
    await cp(directory, backup, { recursive: true });
    await damage(directory);
    await expect(open(directory)).rejects.toThrow(StoreFolderError);
    await expect(open(directory)).rejects.toThrow(sentence);
    await rm(directory, { recursive: true });
    await cp(backup, directory, { recursive: true });
    expect((await (await open(directory)).list('/a/')).entries.length).toBe(20);
  },
);

const LMDB_FOLDERS: [string, Readonly<Record<string, string>>][] = [
  ['of a store in use', { 'mcp2-store.json': '{"format":1,"databaseBytes":32768}', 'data.mdb': 'x', 'lock.mdb': 'x' }],
  ['with only its lock file left', { 'mcp2-store.json': '{"format":1,"databaseBytes":0}', 'lock.mdb': 'x' }],
  ['without its database', { 'mcp2-store.json': '{"format":1,"databaseBytes":32768}', 'in-use.sqlite': '' }],
];

test.each(LMDB_FOLDERS)(
  'a folder %s that LMDB made is named in a sentence, and left as it was',
  async (_title, files) => {
    const directory = await temporaryFolder();
    for (const [name, content] of Object.entries(files)) await writeFile(join(directory, name), content);
    await expect(open(directory)).rejects.toThrow(
      /holds a store of an earlier mcp2 \(\w+\.mdb, made by LMDB\), which this version cannot read: remove the folder \(servers register again by themselves\), or name another one/,
    );
    for (const [name, content] of Object.entries(files)) {
      expect(await readFile(join(directory, name), 'utf8')).toBe(content);
    }
  },
);

test('a folder that an earlier mcp2 claimed without a database of its own is taken over', async () => {
  const directory = await temporaryFolder();
  await writeFile(join(directory, 'mcp2-store.json'), '{"format":1,"databaseBytes":0}');
  await writeFile(join(directory, 'in-use.sqlite'), '');
  await put(await open(directory), '/a', '1');
});

test('a folder whose name holds what a URL gives a meaning to works', async () => {
  const directory = join(await temporaryFolder(), 'a #b?c%20d e');
  const store = await open(directory);
  await put(store, '/a', '1');
  await store.close();
  expect((await (await open(directory)).get('/a')).entry?.value).toBe('1');
});
