import { afterEach, expect, test } from 'vitest';
import { createLogger } from '#lib/observe/logger.ts';
import { createMetrics } from '#lib/observe/metrics.ts';
import { type Check, type OpsServer, startOpsServer } from '#lib/observe/ops-server.ts';

const log = createLogger({ service: 'test', level: 'silent' });
const started: OpsServer[] = [];

afterEach(async () => {
  for (const server of started.splice(0)) await server.close();
});

async function startOps(readiness: Record<string, Check>, liveness: Record<string, Check> = {}, port = 0) {
  const metrics = createMetrics({ service: 'registry' });
  const address = { host: '127.0.0.1', port };
  const server = await startOpsServer({ address, metrics, readiness, liveness, log });
  started.push(server);
  return {
    server,
    metrics,
    get: (path: string, method = 'GET') => fetch(`http://127.0.0.1:${server.port}${path}`, { method }),
  };
}

test('readiness names what is missing, and liveness does not ask for it', async () => {
  let synced = false;
  const { get } = await startOps({
    store: () => (synced ? undefined : 'first load not finished'),
    listener: () => undefined,
  });
  const before = await get('/readyz');
  expect(before.status).toBe(503);
  expect(await before.text()).toBe('[-]store failed: first load not finished\n[+]listener ok\nnot ok\n');
  expect((await get('/livez')).status).toBe(200);
  synced = true;
  const after = await get('/readyz');
  expect(after.status).toBe(200);
  expect(await after.text()).toBe('[+]store ok\n[+]listener ok\nok\n');
});

test('liveness fails for what a restart would mend', async () => {
  const { get } = await startOps({}, { leader: () => 'no tick for 60 s' });
  expect((await get('/livez')).status).toBe(503);
});

test('metrics have the process, its event-loop lag and the service in them', async () => {
  const { get } = await startOps({});
  const answer = await get('/metrics');
  expect(answer.headers.get('content-type')).toContain('text/plain; version=0.0.4');
  const text = await answer.text();
  expect(text).toContain('process_cpu_seconds_total{service="registry"}');
  expect(text).toContain('nodejs_eventloop_lag_p99_seconds{service="registry"}');
});

test('other paths, other methods and a check that throws are answered, and the server goes on', async () => {
  const { get } = await startOps({
    broken: () => {
      throw new Error('hunter2');
    },
  });
  expect((await get('/')).status).toBe(404);
  expect((await get('/livez', 'POST')).status).toBe(405);
  const broken = await get('/readyz');
  expect(broken.status).toBe(500);
  expect(await broken.text()).not.toContain('hunter2');
  expect((await get('/livez?verbose', 'HEAD')).status).toBe(200);
});

test('a port that is in use is told in a sentence', async () => {
  const { server } = await startOps({});
  await expect(startOps({}, {}, server.port)).rejects.toThrow(`127.0.0.1:${server.port}: the port is in use`);
});

test('close ends connections that are kept alive', async () => {
  const { server, get } = await startOps({});
  await (await get('/livez')).text();
  await server.close();
  await expect(get('/livez')).rejects.toThrow();
  started.length = 0;
});
