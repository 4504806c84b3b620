/** The context-tool as a process follows its files: a change is in force within five seconds, or it is refused and said. */
import { expect, test } from 'vitest';
import { type ContextToolProcess, startContextTool } from '../harness/context-tool-process.ts';
import { reasonOf } from '../harness/context-tool-server.ts';
import { eventually } from '../harness/eventually.ts';
import { MountedVolume } from '../harness/mounted-volume.ts';
import { createWorkspace } from '../harness/processes.ts';

const configuration = (folder: string, version = '1.0.0') => `server: {name: Stock, version: ${version}}
databases:
  stock: {sqlite: {file: ${folder}/stock.db, init: [stock.sql]}}
contexts:
  - key: stock:count
    query: {database: stock, sqlFile: count.sql, result: Value}
tools:
  - name: edition
    module: {file: edition.mjs}
`;

const FILES = {
  'stock.sql': 'CREATE TABLE stock (sku TEXT); INSERT INTO stock VALUES (1), (2);',
  'count.sql': 'SELECT count(*) FROM stock',
  'edition.mjs': "import { of } from './of.mjs';\nexport default () => ({ of });\n",
  'of.mjs': "export const of = 'first';\n",
};

/** Ten times what is promised. */
const IN_FORCE = { timeoutMs: 50_000 };

function start() {
  const { folder } = createWorkspace('runtime');
  return startContextTool({ folder, files: { ...FILES, 'server.yaml': configuration(folder) } });
}

const current = (running: ContextToolProcess) => running.metric('mcp2_configuration_current');
const reloads = (running: ContextToolProcess, result: string) =>
  running.metric('mcp2_configuration_reloads_total', { result });

test('a changed statement, a changed module and what a module imports are in force soon; what is broken is said and changes nothing', async () => {
  await using running = await start();
  const { calls, write, folder } = running;
  expect(await calls.read('stock:count')).toBe('2');
  expect(await calls.run('edition')).toEqual({ of: 'first' });

  write('count.sql', 'SELECT 10 * count(*) FROM stock');
  await eventually(
    () => calls.read('stock:count'),
    (answer) => answer === '20',
    IN_FORCE,
  );
  write('of.mjs', "export const of = 'second';\n");
  await eventually(
    () => calls.run('edition'),
    (answer) => Object(answer).of === 'second',
    IN_FORCE,
  );
  expect(await reloads(running, 'applied')).toBe(2);

  write('count.sql', "SELECT 'no end");
  await eventually(
    () => current(running),
    (value) => value === 0,
    IN_FORCE,
  );
  const refused = () => running.logged('the configuration was refused; the one before stays in force');
  expect(await refused()).toMatchObject([
    { level: 'error', problem: expect.stringMatching(/^count\.sql:1:8: contexts\[0\]\.query\.sqlFile: .* has no end/) },
  ]);
  write('count.sql', 'SELECT count(*) FROM stocks');
  await eventually(refused, ({ length }) => length === 2, IN_FORCE);
  expect((await refused())[1]).toMatchObject({ problem: expect.stringMatching(/^count\.sql:1:\d+: .*stocks/) });
  expect(await calls.read('stock:count')).toBe('20');
  expect(await reloads(running, 'refused')).toBe(2);
  expect((await fetch(`http://127.0.0.1:${running.opsPort}/readyz`)).status).toBe(200);

  write('count.sql', 'SELECT 10 * count(*) FROM stock');
  await eventually(
    () => current(running),
    (value) => value === 1,
    IN_FORCE,
  );
  expect(await reloads(running, 'applied')).toBe(2);
  write('server.yaml', configuration(folder, '2.0.0'));
  await eventually(
    () => calls.card(),
    ({ version }) => version === '2.0.0',
    IN_FORCE,
  );
  expect(await current(running)).toBe(1);
});

test.each([
  ['the name', 'name: Stock', 'name: Shop', /server\.name: the server runs as "Stock"; restart it for another name/],
  [
    'the address',
    'databases:',
    'listen: 127.0.0.1:1\ndatabases:',
    /listen: the server listens where its process was told; restart/,
  ],
  [
    'the kind of a database',
    /sqlite: .*\}/,
    'postgres: {primary: {url: {fromFile: url}}}}',
    /databases\.stock\.postgres: "stock" runs as sqlite; restart the server/,
  ],
])('%s needs a restart, and the log says so', async (_title, from, to, sentence) => {
  await using running = await start();
  running.write('url', 'postgres://nobody@127.0.0.1:1/none');
  running.write('server.yaml', configuration(running.folder, '2.0.0').replace(from, to));
  const refused = () => running.logged('the configuration was refused; the one before stays in force');
  const [line] = await eventually(refused, ({ length }) => length === 1, IN_FORCE);
  expect(line?.problem).toMatch(sentence);
  expect(await current(running)).toBe(0);
  expect((await running.calls.card()).version).toBe('1.0.0');
});

test('the swap of a mounted ConfigMap is one change, and a broken one changes nothing', async () => {
  const { folder } = createWorkspace('runtime-state');
  const contents = { ...FILES, 'server.yaml': configuration(folder) };
  const volume = await MountedVolume.create(contents);
  const file = volume.path('server.yaml');
  await using running = await startContextTool({ files: {}, folder, env: { MCP2_CONTEXT_TOOL_CONFIG: file } });
  const { calls } = running;
  expect(await calls.run('edition')).toEqual({ of: 'first' });
  await volume.swap({
    'server.yaml': configuration(folder, '2.0.0'),
    'count.sql': 'SELECT 7',
    'of.mjs': "export const of = 'second';\n",
  });
  await eventually(
    () => calls.card(),
    ({ version }) => version === '2.0.0',
    IN_FORCE,
  );
  expect([await calls.read('stock:count'), await calls.run('edition')]).toEqual(['7', { of: 'second' }]);
  expect(await reloads(running, 'applied')).toBe(1);
  await volume.swap({ 'server.yaml': 'server: {name: Stock}\n', 'of.mjs': 'export const of = 3;' });
  await eventually(
    () => current(running),
    (value) => value === 0,
    IN_FORCE,
  );
  expect([await calls.read('stock:count'), await calls.run('edition')]).toEqual(['7', { of: 'second' }]);
});

test('a process that is told to end in the middle of a reload ends in order', async () => {
  await using running = await start();
  const { calls, write } = running;
  // It is loaded for as long as a reload waits for a module.
  write('edition.mjs', 'await new Promise((resolve) => setTimeout(resolve, 9_000));\nexport default () => ({});\n');
  await eventually(
    () => running.metric('mcp2_module_children', { module: 'edition.mjs' }),
    (count) => count === 2,
    IN_FORCE,
  );
  expect(await reasonOf(calls.invoke('edition'))).toBe('answered');
  const beganMs = performance.now();
  expect(await running.process.stop(20_000)).toEqual({ code: 0, signal: null });
  expect(performance.now() - beganMs).toBeLessThan(8_000);
  expect(await running.process.log()).not.toContain('"level":"error"');
});
