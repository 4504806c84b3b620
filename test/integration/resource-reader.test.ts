/** The thread that reads files: its time limit, its end, and what comes after. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ResourceReader } from '../../operator/source/reader/resource-reader.ts';
import { eventually } from '../harness/eventually.ts';
import { HOSTILE_TEXTS } from '../harness/hostile-files.ts';
import { serverYaml } from '../harness/mcp2-command.ts';

const definition = readFileSync(new URL('../../crds/mcp2.dev_mcp2servers.yaml', import.meta.url), 'utf8');
const GOOD = serverYaml({ name: 'good', serverName: 'Good', port: 50_061 });
const SLOW = String(HOSTILE_TEXTS['unknown fields of spec']?.(300_000, Math.random));

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mcp2-reader-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const problemsOf = async (reader: ResourceReader, text: string) =>
  (await reader.readText('a.yaml', text, {})).problems?.map(({ message }) => message) ?? [];

test('a file that takes too long is one problem, and the next one is read in a new thread', async () => {
  const reader = new ResourceReader({ definition, timeLimitMs: 20 });
  expect(await problemsOf(reader, SLOW)).toEqual(['takes longer than 0.02 s to read; split it']);
  // On a machine that is busy so little time may not do for a good one either.
  await eventually(
    () => problemsOf(reader, GOOD),
    (problems) => problems.length === 0,
  );
  await reader.close();
});

test('such a file is not tried again until its content changes', async () => {
  const path = join(folder, 'a.yaml');
  writeFileSync(path, SLOW);
  const reader = new ResourceReader({ definition, timeLimitMs: 20 });
  const request = { path, name: 'a.yaml', nowMs: 0 };
  const first = await reader.readFile({ ...request, known: undefined });
  expect(first?.read?.problems).toHaveLength(1);
  const known = { signature: first?.signature, digest: first?.digest ?? '' };
  expect((await reader.readFile({ ...request, known }))?.read).toBeUndefined();
  await reader.close();
});

test('what is asked for at once is answered in turn', async () => {
  const reader = new ResourceReader({ definition });
  const texts = [GOOD, 'a: [', GOOD, SLOW, GOOD];
  const answers = await Promise.all(texts.map((text) => problemsOf(reader, text)));
  expect(answers.map((problems) => problems.length)).toEqual([0, 1, 0, 20, 0]);
  await reader.close();
});

test('the end gives up what is under way at once, and nothing is read after it', async () => {
  const reader = new ResourceReader({ definition });
  await reader.readText('a.yaml', GOOD, {});
  const reading = Promise.all([reader.readText('a.yaml', SLOW, {}), reader.readText('b.yaml', SLOW, {})]);
  const outcome = reading.then(
    () => 'read',
    () => 'given up',
  );
  await reader.close();
  expect(await outcome).toBe('given up');
  await expect(reader.list(folder)).rejects.toThrow(/closed/);
});

test('a folder that is not there is a sentence', async () => {
  const reader = new ResourceReader({ definition });
  await expect(reader.list(join(folder, 'absent'))).rejects.toThrow(/absent does not exist; create it/);
  await reader.close();
});
