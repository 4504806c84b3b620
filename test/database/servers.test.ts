/** The parts that the other files here stand on. */
import { expect, test } from 'vitest';
import { eventually } from '../harness/eventually.ts';
import { startPgbouncer } from '../harness/pgbouncer.ts';
import { startPostgres, startPostgresPair } from '../harness/postgres.ts';

test('what is written to the primary can be read from the standby and through PgBouncer', async () => {
  await using pair = await startPostgresPair();
  await using pooler = await startPgbouncer({ serverPort: pair.primary.port });
  await pair.primary.query('CREATE TABLE fruit (name text)');
  await pair.primary.query('INSERT INTO fruit VALUES ($1)', ['pear']);
  const rows = () => pair.replica.query('SELECT name FROM fruit');
  expect(await eventually(rows, (found) => found.length === 1)).toEqual([{ name: 'pear' }]);
  expect(await pair.replica.query('SELECT pg_is_in_recovery() AS standby')).toEqual([{ standby: true }]);
  expect(pooler.url()).toContain(String(pooler.port));
});

test('a server that was killed or frozen goes on with its data', async () => {
  await using server = await startPostgres();
  await server.query('CREATE TABLE fruit (name text)');
  await server.kill();
  await server.restart();
  await server.freeze();
  await server.thaw();
  expect(await server.query('SELECT * FROM fruit')).toEqual([]);
  await server.stop();
  await expect(server.query('SELECT 1')).rejects.toThrow('ECONNREFUSED');
});
