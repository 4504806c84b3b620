import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { readForeignFile, readForeignFileSync } from './foreign-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'mcp2-foreign-'));
afterAll(() => rmSync(folder, { recursive: true }));
const path = (name: string) => join(folder, name);
const read = {
  'at once': async (file: string, maxBytes: number) => readForeignFileSync(file, { maxBytes }),
  aside: (file: string, maxBytes: number) => readForeignFile(file, { maxBytes }),
};
const ways = Object.keys(read) as (keyof typeof read)[];

test.each(ways)('a regular file and a link to one are read whole, %s', async (way) => {
  for (const bytes of [0, 1, 16 * 1024, 16 * 1024 + 1, 200_000]) {
    const content = Buffer.alloc(bytes, 'abc');
    writeFileSync(path('file'), content);
    rmSync(path('link'), { force: true });
    symlinkSync(path('file'), path('link'));
    expect(await read[way](path('file'), 200_000)).toEqual(content);
    expect(await read[way](path('link'), 200_000)).toEqual(content);
  }
});

test.each(ways)('a file without a size is read to its end, %s', async (way) => {
  expect(String(await read[way]('/proc/self/status', 64 * 1024))).toContain('Name:');
  await expect(read[way]('/proc/self/status', 10)).rejects.toMatchObject({ fault: 'TOO_LARGE' });
});

test.each(ways)('what cannot be read is a sentence, %s', async (way) => {
  mkdirSync(path('folder'), { recursive: true });
  writeFileSync(path('large'), 'x'.repeat(1025));
  rmSync(path('circle'), { force: true });
  symlinkSync(path('circle'), path('circle'));
  const faults = { absent: 'ABSENT', folder: 'FOLDER', large: 'TOO_LARGE', circle: 'UNREADABLE' };
  for (const [name, fault] of Object.entries(faults)) {
    await expect(read[way](path(name), 1024)).rejects.toMatchObject({ name: 'ForeignFileError', fault });
  }
  await expect(read[way]('/dev/zero', 1024)).rejects.toThrow('it is a device, not a regular file');
  await expect(read[way](path('large'), 1024)).rejects.toThrow('it is larger than 1 KiB');
});
