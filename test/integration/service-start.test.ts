/** What every service does when its start fails and while it stops, on real sockets and files. */
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { service as healthService } from 'grpc-health-check';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Clock } from '#lib/clock.ts';
import { EnvReader } from '#lib/config/env-reader.ts';
import { createClient } from '#lib/grpc/client.ts';
import { plaintextClient } from '#lib/grpc/credentials.ts';
import { implement } from '#lib/grpc/method.ts';
import { readKubeconfigConnection } from '#lib/kube/kubeconfig.ts';
import { silentLogger } from '#lib/logger.ts';
import { readServiceSettings } from '#lib/service/settings.ts';
import { startService } from '#lib/service/start-service.ts';
import { openEmbeddedStore } from '#lib/store/embedded/open.ts';
import type { Store } from '#lib/store/store.ts';
import { loadServices } from '#protos/load.ts';
import { readOperatorConfig } from '../../operator/config.ts';
import { start as startOperator } from '../../operator/start.ts';
import { readConfig as readRegistryConfig } from '../../services/registry/config.ts';
import { start as startRegistry } from '../../services/registry/start.ts';
import { countingClock } from '../harness/counting-clock.ts';
import { eventually } from '../harness/eventually.ts';
import { startInventoryServer } from '../harness/inventory-server.ts';
import { writeKubeconfig } from '../harness/kubeconfig.ts';
import { createFixture, type Fixture } from '../harness/operator-fixture.ts';
import { freePort } from '../harness/ports.ts';

interface Running {
  readonly port?: number;
  readonly opsPort: number | undefined;
  stop(timeoutMs: number): Promise<void>;
}

type Start = (env: Readonly<Record<string, string>>, clock: Clock) => Promise<Running>;

let fixture: Fixture;
let store: Store;
let taken: Server;
let takenAddress: string;
let shared: Record<string, string>;
let tls: Record<string, string>;

beforeAll(async () => {
  fixture = await createFixture();
  store = await openEmbeddedStore({ directory: join(fixture.folder, 'store'), clock: countingClock() });
  taken = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => taken.once('listening', resolve));
  takenAddress = `127.0.0.1:${(taken.address() as { port: number }).port}`;
  const certificate = await fixture.authority.issue({ commonName: 'server' });
  shared = { MCP2_ISSUER: 'mcp2:test', MCP2_JWKS_FILE: fixture.jwksFile, MCP2_OPS_LISTEN: '127.0.0.1:0' };
  tls = { MCP2_TLS_CERT_FILE: certificate.certificateFile, MCP2_TLS_KEY_FILE: certificate.keyFile };
});

afterAll(async () => {
  taken.close();
  await store.close();
});

const registry: Start = (env, clock) => {
  const config = readRegistryConfig({ ...shared, MCP2_REGISTRY_STORE_DIR: 'given as a dependency', ...env });
  const parts = { clock, random: Math.random, log: silentLogger, metrics: new Registry(), protos: loadServices() };
  return startRegistry(config, { ...parts, store, randomBytes });
};

const contextTool: Start = (env, clock) =>
  startInventoryServer({ file: 'inventory.yaml', folder: fixture.folder, env: { ...shared, ...env }, clock });

const operator: Start = async (env, clock) => {
  const access = { url: 'https://127.0.0.1:1', authority: '', credentials: { token: 'unused' } };
  const kubeconfig = await writeKubeconfig(join(fixture.folder, 'kubeconfig'), access);
  const config = readOperatorConfig({
    ...shared,
    MCP2_ETCD_ENDPOINTS: 'http://given-as-a-dependency:1',
    MCP2_SIGNING_KEY_FILE: fixture.signingKeyFile,
    MCP2_CA_FILE: fixture.authority.certificateFile,
    MCP2_OPERATOR_KUBECONFIG: kubeconfig,
    ...env,
  });
  return startOperator(config, {
    connection: await readKubeconfigConnection({ file: kubeconfig, clock }),
    store,
    services: loadServices(),
    dial: async () => takenAddress,
    definition: readFileSync(new URL('../../crds/mcp2.dev_mcp2servers.yaml', import.meta.url), 'utf8'),
    clock,
    random: Math.random,
    log: silentLogger,
    metrics: new Registry(),
  });
};

test.each([
  ['registry', registry],
  ['context-tool', contextTool],
  ['operator', operator],
])('%s: an ops port in use ends the start, and nothing stays open', async (_name, start) => {
  const clock = countingClock();
  const port = await freePort();
  const env = { ...tls, MCP2_LISTEN: `127.0.0.1:${port}`, MCP2_OPS_LISTEN: takenAddress };
  await expect(start(env, clock)).rejects.toThrow(`${takenAddress}: the port is in use`);
  expect(clock.waiting).toBe(0);
  await expectFree(port);
});

describe.each([
  ['registry', registry],
  ['context-tool', contextTool],
])('%s', (_name, start) => {
  test('a gRPC port in use ends the start, and no file is looked at any more', async () => {
    const clock = countingClock();
    const env = { ...tls, MCP2_LISTEN: takenAddress };
    await expect(start(env, clock)).rejects.toThrow(`${takenAddress}: the port is in use`);
    expect(clock.waiting).toBe(0);
  });

  test('keys that cannot be used end the start, and no file is looked at any more', async () => {
    const clock = countingClock();
    const env = { ...tls, MCP2_LISTEN: '127.0.0.1:0', MCP2_JWKS_FILE: import.meta.filename };
    await expect(start(env, clock)).rejects.toThrow('MCP2_JWKS_FILE cannot be used');
    expect(clock.waiting).toBe(0);
  });

  test('TLS files that cannot be used are named', async () => {
    const clock = countingClock();
    const wrong = join(fixture.folder, 'wrong.crt');
    writeFileSync(wrong, 'no PEM');
    const env = { ...tls, MCP2_LISTEN: '127.0.0.1:0', MCP2_TLS_CERT_FILE: wrong };
    await expect(start(env, clock)).rejects.toThrow(/MCP2_TLS_CERT_FILE.* cannot be used/);
    expect(clock.waiting).toBe(0);
  });

  test('while it stops /readyz says no, and afterwards nothing is open or waits', async () => {
    const clock = countingClock();
    const running = await start({ MCP2_LISTEN: '127.0.0.1:0' }, clock);
    const { port, opsPort } = running;
    const readiness = () => fetch(`http://127.0.0.1:${opsPort}/readyz`);
    await eventually(readiness, ({ ok }) => ok);
    const client = createClient(healthService, `127.0.0.1:${port}`, { credentials: plaintextClient() });
    const stream = client.serverStream('Watch' as never, { service: '' } as never);
    expect((await stream.next()).value).toEqual({ status: 'SERVING' });

    const stopping = running.stop(1_000); // The stream is let go on for half of it.
    const answer = await readiness();
    expect(answer.status).toBe(503);
    expect(await answer.text()).toContain('[-]shutdown failed: ');
    expect((await stream.next()).value).toEqual({ status: 'NOT_SERVING' });
    await expect(stream.next()).rejects.toThrow('shutting down');
    await stopping;
    client.close();
    await expectFree(port ?? 0);
    await expectFree(opsPort ?? 0);
    expect(clock.waiting).toBe(0);
  });

  test('what was stopped stays stopped: a second stop waits for the first', async () => {
    const running = await start({ MCP2_LISTEN: '127.0.0.1:0' }, countingClock());
    const [first, second] = [running.stop(1_000), running.stop(1_000)];
    expect(second).toBe(first);
    await first;
    await running.stop(0);
  });
});

describe('a service of any kind', () => {
  const settings = () => readServiceSettings(new EnvReader({ ...shared }), { listen: '127.0.0.1:0' });
  const runtime = () => ({ clock: countingClock(), log: silentLogger, metrics: new Registry() });
  const { ServiceInfo } = loadServices();

  test('does not serve until it is loaded, and says so', async () => {
    const loaded = Promise.withResolvers<void>();
    const running = await startService(runtime(), {
      name: 'test',
      serverName: 'Any',
      settings: settings(),
      serve: () => ({ services: [implement(ServiceInfo, {})] }),
      readiness: { data: () => 'not loaded yet' },
      loaded: () => loaded.promise,
    });
    const client = createClient(healthService, `127.0.0.1:${running.port}`, { credentials: plaintextClient() });
    const check = () => client.call('Check' as never, { service: 'mcp2.ServiceInfo' } as never);
    expect(await check()).toEqual({ status: 'NOT_SERVING' });
    const answer = await fetch(`http://127.0.0.1:${running.opsPort}/readyz`);
    expect(await answer.text()).toBe('[+]shutdown ok\n[-]data failed: not loaded yet\nnot ok\n');
    loaded.resolve();
    await running.ready;
    expect(await check()).toEqual({ status: 'SERVING' });
    client.close();
    await running.stop(0);
  });

  test('what is loaded while it stops does not make it serve', async () => {
    const loaded = Promise.withResolvers<void>();
    const serve = () => ({ services: [implement(ServiceInfo, {})] });
    const options = { name: 'test', serverName: 'Any', settings: settings(), serve, loaded: () => loaded.promise };
    const running = await startService(runtime(), options);
    const client = createClient(healthService, `127.0.0.1:${running.port}`, { credentials: plaintextClient() });
    const stream = client.serverStream('Watch' as never, { service: '' } as never);
    expect((await stream.next()).value).toEqual({ status: 'NOT_SERVING' });
    const stopping = running.stop(400);
    loaded.resolve();
    await running.ready;
    await expect(stream.next()).rejects.toThrow('shutting down');
    await stopping;
    client.close();
  });

  test('tells its background to end after the calls have ended, and does not wait for it for ever', async () => {
    const parts = runtime();
    const told = Promise.withResolvers<unknown>();
    const running = await startService(parts, {
      name: 'test',
      serverName: 'Any',
      settings: settings(),
      serve: () => ({ services: [] }),
      background(signal) {
        signal.addEventListener('abort', () => told.resolve(signal.reason));
        return new Promise(() => {});
      },
    });
    const startedMs = performance.now();
    await running.stop(10_000);
    expect(performance.now() - startedMs).toBeLessThan(3_000);
    expect(await told.promise).toMatchObject({ message: 'the test is shutting down' });
    await expectFree(running.port);
    expect(parts.clock.waiting).toBe(0);
  });

  test('whose handlers cannot be made does not listen, and nothing stays open', async () => {
    const parts = runtime();
    const port = await freePort();
    const config = readServiceSettings(new EnvReader({ ...shared, ...tls }), { listen: `127.0.0.1:${port}` });
    const serve = () => {
      throw new TypeError('broken on purpose');
    };
    await expect(startService(parts, { name: 'test', serverName: 'Any', settings: config, serve })).rejects.toThrow(
      'broken',
    );
    expect(parts.clock.waiting).toBe(0);
    await expectFree(port);
  });
});

async function expectFree(port: number): Promise<void> {
  const server = createServer();
  const listening = new Promise((resolve, reject) => server.once('listening', resolve).once('error', reject));
  server.listen({ port, host: '127.0.0.1', exclusive: true });
  await listening;
  await new Promise((resolve) => server.close(resolve));
}
