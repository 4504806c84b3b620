import { expect, test } from 'vitest';
import { BUILDAH, type BuildRequest, DOCKER, type Engine } from './engine.ts';

const REQUEST: BuildRequest = {
  tag: 'localhost/mcp2:1.2.3',
  nodeImage: 'node:24-bookworm-slim',
  platforms: ['linux/amd64'],
  ownPlatform: 'linux/amd64',
  version: '1.2.3',
  revision: 'abc',
  source: undefined,
  timestampSeconds: 1_700_000_000,
  output: undefined,
  context: '/repository',
};

const lines = (engine: Engine, changes: Partial<BuildRequest> = {}) =>
  engine.build({ ...REQUEST, ...changes }).map((command) => command.join(' '));

test.each([BUILDAH, DOCKER])('$name is told base, version, commit, time and processor', (engine) => {
  const [build = ''] = lines(engine);
  for (const part of ['NODE_IMAGE=node:24-bookworm-slim', 'VERSION=1.2.3', 'REVISION=abc', '1700000000']) {
    expect(build).toContain(part);
  }
  expect(build).toContain('--platform linux/amd64');
  expect(build).toMatch(/--tag localhost\/mcp2:1\.2\.3\b.* \/repository$/);
});

test.each([BUILDAH, DOCKER])('$name writes a file only when one is wanted', (engine) => {
  expect(lines(engine)).toHaveLength(1);
  const [, save = ''] = lines(engine, { output: '/tmp/mcp2.tar' });
  expect(save).toContain('/tmp/mcp2.tar');
  expect(save).toContain(REQUEST.tag);
});

test('for two processors there is one name, and the file holds both', () => {
  const both = { platforms: ['linux/amd64', 'linux/arm64'], output: '/tmp/mcp2.tar' };
  const [build, push] = lines(BUILDAH, both);
  expect(build).toContain('--platform linux/amd64,linux/arm64 --manifest localhost/mcp2:1.2.3');
  expect(push).toContain('manifest push --all');
  expect(lines(DOCKER, both)).toEqual([expect.stringContaining('--output type=oci,dest=/tmp/mcp2.tar')]);
});

test('what the registry is measured with runs without a network and on a read-only root where the engine can', () => {
  const command = DOCKER.run('localhost/mcp2:1.2.3', 'program').join(' ');
  expect(command).toMatch(/--network none --read-only .* localhost\/mcp2:1\.2\.3 --input-type=module --eval program$/);
});
