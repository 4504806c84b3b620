/**
 * A service of two words that nobody has is added to a copy of the tree as CONTRIBUTING.md says; then the tree type-checks,
 * keeps its rules, its chart renders, and the service answers a call.
 */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { systemClock } from '#lib/clock.ts';
import { createClient } from '#lib/grpc/client.ts';
import { plaintextClient } from '#lib/grpc/credentials.ts';
import { runCommand } from '../cluster/run-command.ts';
import { freePorts } from '../harness/ports.ts';
import { createWorkspace, ManagedProcess } from '../harness/processes.ts';
import { createTokens, ISSUER } from '../harness/registry-fixture.ts';
import { find, render } from './chart.ts';
import { treeWithPriceFeed } from './made-up-service.ts';

test('a service and its component are added by the steps of CONTRIBUTING, and nothing else', async () => {
  const tree = treeWithPriceFeed();
  const bin = (name: string) => join(tree, 'node_modules/.bin', name);
  const [objects] = await Promise.all([
    render({ chart: join(tree, 'helm/mcp2') }),
    runCommand(bin('tsc'), ['--noEmit', '-p', tree], { cwd: tree }),
    runCommand(bin('vitest'), ['run', '--project', 'unit', 'test/architecture'], { cwd: tree }),
    answersOneCall(tree),
  ]);
  const { spec } = find(objects, 'Deployment', 'mcp2-price-feed');
  expect(spec.template.spec.containers[0]).toMatchObject({ name: 'price-feed', args: ['price-feed'] });
});

/** By the argument that its pod has. */
async function answersOneCall(tree: string): Promise<void> {
  const tokens = await createTokens();
  const [port, opsPort] = await freePorts(2);
  const env = {
    PATH: process.env.PATH,
    MCP2_LISTEN: `127.0.0.1:${port}`,
    MCP2_OPS_LISTEN: `127.0.0.1:${opsPort}`,
    MCP2_ISSUER: ISSUER,
    MCP2_JWKS_FILE: tokens.jwksFile,
  };
  const ready = async () => (await fetch(`http://127.0.0.1:${opsPort}/readyz`)).ok;
  const args = [join(tree, 'image/entry.mjs'), 'price-feed'];
  const options = { name: 'price-feed', command: process.execPath, args, env, ready };
  await using feed = new ManagedProcess(options, createWorkspace('price-feed'));
  await feed.start();
  const { loadServices } = await import(pathToFileURL(join(tree, 'protos/load.ts')).href);
  const { PriceFeed } = loadServices();
  const client = createClient(PriceFeed, `127.0.0.1:${port}`, { credentials: plaintextClient(), clock: systemClock });
  const quote = (capability_token: string) =>
    client.call('Quote' as never, { article: 'prices:prod_12345', capability_token } as never);
  const held = { aud: ['PriceFeed'], capabilities: ['context:read:prices:*'] };
  expect(await quote(await tokens.mint(held))).toEqual({ cents: 1700 });
  const others = await tokens.mint({ ...held, capabilities: ['context:read:stock:*'] });
  await expect(quote(others)).rejects.toMatchObject({ reason: 'CAPABILITY_DENIED' });
  client.close();
}
