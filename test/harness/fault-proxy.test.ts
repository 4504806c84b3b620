import { Agent, request } from 'undici';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from './eventually.ts';
import { type FaultProxy, startFaultProxy } from './fault-proxy.ts';
import { KubeClient } from './kube-client.ts';
import { createNamespace } from './kube-setup.ts';
import type { KubeAccess } from './kubeconfig.ts';
import { sharedKubeApiserver } from './shared-kube-apiserver.ts';

interface Watch extends AsyncDisposable {
  readonly lines: () => readonly string[];
  readonly types: () => readonly string[];
  /** What is left after the last whole line. */
  readonly rest: () => string;
  /** Undefined while open; otherwise whether it ended in order. */
  readonly ended: () => 'end' | 'broken' | undefined;
}

async function openWatch({ url, authority, credentials }: KubeAccess, path: string): Promise<Watch> {
  const agent = new Agent({ connect: { ca: authority } });
  const authorization = `Bearer ${'token' in credentials ? credentials.token : ''}`;
  const answer = await request(`${url}${path}`, { dispatcher: agent, headers: { authorization } });
  if (answer.statusCode !== 200) throw new Error(`status ${answer.statusCode}`);
  let text = '';
  let ended: 'end' | 'broken' | undefined;
  answer.body.setEncoding('utf8');
  answer.body.on('data', (piece: string) => {
    text += piece;
  });
  answer.body.once('end', () => {
    ended = 'end';
  });
  answer.body.once('error', () => {
    ended = 'broken';
  });
  const lines = () => text.split('\n').slice(0, -1);
  return {
    lines,
    types: () => lines().map((line) => (line.startsWith('{') ? (JSON.parse(line) as { type: string }).type : line)),
    rest: () => text.split('\n').at(-1) ?? '',
    ended: () => ended,
    [Symbol.asyncDispose]: () => agent.destroy(),
  };
}

const LIST = { verb: 'list', resource: 'configmaps' } as const;
const WATCH = { verb: 'watch', resource: 'configmaps' } as const;
const atLeast = (count: number) => (seen: readonly unknown[]) => seen.length >= count;

for (const http2 of [false, true]) {
  describe(`the proxy before the API server, over ${http2 ? 'HTTP/2' : 'HTTP/1.1'}`, () => {
    let proxy: FaultProxy;
    let direct: KubeClient;
    let client: KubeClient;
    let namespace: string;

    const configMap = (name: string) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace, name } });
    const watchPath = () => `/api/v1/namespaces/${namespace}/configmaps?watch=true`;
    const list = () => client.list({ apiVersion: 'v1', kind: 'ConfigMap', namespace });

    beforeAll(async () => {
      const target = await sharedKubeApiserver();
      direct = new KubeClient(target.admin);
      namespace = await createNamespace(direct);
      proxy = await startFaultProxy({ target, http2 });
      client = new KubeClient(proxy.admin);
      await Promise.all(['a', 'b', 'c'].map((name) => direct.apply(configMap(name))));
    });

    afterAll(async () => {
      await client[Symbol.asyncDispose]();
      await proxy[Symbol.asyncDispose]();
      await direct[Symbol.asyncDispose]();
    });

    test('without a fault it changes nothing, and records what was asked and answered', async () => {
      proxy.forgetRequests();
      expect(await list()).toHaveLength(3);
      await expect(client.get(configMap('missing'))).rejects.toMatchObject({ code: 404 });
      const seen = proxy.requests({ resource: 'configmaps' });
      expect(seen).toMatchObject([
        { verb: 'list', namespace, status: 200, fault: undefined },
        { verb: 'get', namespace, name: 'missing', status: 404, fault: undefined },
      ]);
    });

    test('it hands a wrong bearer token on, and the API server refuses it', async () => {
      await using stranger = new KubeClient({ ...proxy.admin, credentials: { token: 'wrong' } });
      await expect(stranger.get(configMap('a'))).rejects.toMatchObject({ code: 401 });
    });

    test('cut breaks only the requests it is aimed at, and nothing reaches the API server', async () => {
      const fault = proxy.inject({ match: { verb: 'patch', name: 'cut' }, fault: { kind: 'cut' } });
      await expect(client.apply(configMap('cut'))).rejects.not.toHaveProperty('code', 409);
      expect(fault.hits).toBe(1);
      expect(await direct.find(configMap('cut'))).toBeUndefined();
      fault.clear();
      await client.apply(configMap('cut'));
      await direct.delete(configMap('cut'));
    });

    test('with a lost reply the write is applied and the client hears of a broken connection', async () => {
      const fault = proxy.inject({ match: { verb: 'patch', name: 'lost' }, fault: { kind: 'lose-reply' }, times: 1 });
      await expect(client.apply(configMap('lost'))).rejects.toThrow();
      expect(fault.hits).toBe(1);
      expect(await direct.find(configMap('lost'))).toBeDefined();
      await direct.delete(configMap('lost'));
    });

    test('hang answers nothing, and breaks the connection when it is cleared', async () => {
      const fault = proxy.inject({ match: LIST, fault: { kind: 'hang' } });
      let settled = false;
      const hanging = list().finally(() => {
        settled = true;
      });
      await eventually(
        () => fault.hits,
        (hits) => hits === 1,
      );
      expect(await client.get(configMap('a'))).toBeDefined();
      expect(settled).toBe(false);
      fault.clear();
      await expect(hanging).rejects.toThrow();
      expect(await list()).toHaveLength(3);
    });

    test('delay answers late', async () => {
      const fault = proxy.inject({ match: LIST, fault: { kind: 'delay', delayMs: 200 } });
      const startedMs = performance.now();
      expect(await list()).toHaveLength(3);
      expect(performance.now() - startedMs).toBeGreaterThanOrEqual(195);
      fault.clear();
    });

    test.each([410, 429, 403, 500, 503])('status %d arrives as the API server would send it', async (code) => {
      const fault = proxy.inject({ match: LIST, fault: { kind: 'status', code }, times: 1 });
      await expect(list()).rejects.toMatchObject({ name: 'KubeError', code });
      expect(fault.hits).toBe(1);
      expect(await list()).toHaveLength(3);
    });

    test('429 carries Retry-After', async () => {
      const fault = { kind: 'status', code: 429, retryAfterSeconds: 7 } as const;
      proxy.inject({ match: { path: /^\/api\/v1\/nodes/ }, fault, times: 1 });
      await using agent = agentFor(proxy.admin);
      const answer = await request(`${proxy.admin.url}/api/v1/nodes`, { dispatcher: agent.agent });
      await answer.body.dump();
      expect([answer.statusCode, answer.headers['retry-after']]).toEqual([429, '7']);
    });

    test('every: 5 hits every fifth matching request', async () => {
      const fault = proxy.inject({ match: LIST, fault: { kind: 'status', code: 500 }, every: 5 });
      const answers: boolean[] = [];
      for (let i = 0; i < 10; i++)
        answers.push(
          await list().then(
            () => true,
            () => false,
          ),
        );
      fault.clear();
      expect(answers.flatMap((ok, i) => (ok ? [] : [i]))).toEqual([0, 5]);
    });

    test('an empty list is a success without items, a partial one claims to be complete', async () => {
      const empty = proxy.inject({ match: LIST, fault: { kind: 'empty-list' } });
      expect(await list()).toEqual([]);
      empty.clear();
      const partial = proxy.inject({ match: LIST, fault: { kind: 'partial-list', keepItems: 2 } });
      const answer = JSON.parse(await client.raw('GET', `/api/v1/namespaces/${namespace}/configmaps?limit=3`));
      partial.clear();
      expect(answer.items).toHaveLength(2);
      expect(answer.metadata).not.toHaveProperty('continue');
      expect(answer.metadata.resourceVersion).toMatch(/^\d+$/);
    });

    test('a truncated body breaks the connection in the middle', async () => {
      const fault = proxy.inject({ match: LIST, fault: { kind: 'truncate-body' }, times: 1 });
      await expect(list()).rejects.toThrow();
      expect(fault.hits).toBe(1);
    });

    test('an ERROR event ends a watch that was answered with 200', async () => {
      const fault = proxy.inject({ match: WATCH, fault: { kind: 'error-event', code: 410, close: true } });
      await using watch = await openWatch(proxy.admin, watchPath());
      await eventually(watch.ended, (how) => how === 'end');
      fault.clear();
      expect(watch.lines().map((line) => JSON.parse(line))).toMatchObject([{ type: 'ERROR', object: { code: 410 } }]);
    });

    test('a truncated line is the last thing that a watch hears', async () => {
      const fault = proxy.inject({ match: WATCH, fault: { kind: 'truncate-line', afterLines: 2 }, times: 1 });
      await using watch = await openWatch(proxy.admin, watchPath());
      await eventually(watch.ended, (how) => how === 'broken');
      expect(fault.hits).toBe(1);
      expect(watch.types()).toEqual(['ADDED', 'ADDED']);
      expect(watch.rest()).toMatch(/^\{"type":"ADDED"/);
      expect(() => JSON.parse(watch.rest())).toThrow();
    });

    test('an inserted line arrives among the events', async () => {
      const fault = { kind: 'insert-line', line: 'garbage', afterLines: 1 } as const;
      proxy.inject({ match: WATCH, fault, times: 1 });
      await using watch = await openWatch(proxy.admin, watchPath());
      expect(await eventually(watch.types, atLeast(4))).toEqual(['ADDED', 'garbage', 'ADDED', 'ADDED']);
    });

    test('open watches can be sent an ERROR, frozen, thawed and cut', async () => {
      await using watch = await openWatch(proxy.admin, watchPath());
      await eventually(watch.types, atLeast(3));
      expect(proxy.sendErrorToStreams(410, { namespace })).toBe(1);
      expect((await eventually(watch.types, atLeast(4)))[3]).toBe('ERROR');
      const thaw = proxy.freezeStreams({ namespace });
      await using witness = await openWatch(proxy.admin, watchPath());
      await direct.patch(configMap('a'), { data: { touched: 'yes' } });
      await eventually(witness.types, (types) => types.includes('MODIFIED'));
      expect(watch.types()).not.toContain('MODIFIED');
      thaw();
      await eventually(watch.types, (types) => types.includes('MODIFIED'));
      expect(proxy.cutStreams({ namespace })).toBe(2);
      await eventually(watch.ended, (how) => how === 'broken');
      await eventually(witness.ended, (how) => how === 'broken');
      expect(await list()).toHaveLength(3);
    });

    test('cutting every connection breaks open watches, and clients come back', async () => {
      await using watch = await openWatch(proxy.admin, watchPath());
      proxy.cutConnections();
      await eventually(watch.ended, (how) => how === 'broken');
      await eventually(list, (found) => found.length === 3);
    });
  });
}

function agentFor({ authority }: KubeAccess): AsyncDisposable & { readonly agent: Agent } {
  const agent = new Agent({ connect: { ca: authority } });
  return { agent, [Symbol.asyncDispose]: () => agent.destroy() };
}
