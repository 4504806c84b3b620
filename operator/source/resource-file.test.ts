import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { readSchema } from '#lib/schema/schema.ts';
import { createMcp2ServerParser } from '../server/resource.ts';
import { formatProblem, type ReadOk, readResources } from './resource-file.ts';

const parse = createMcp2ServerParser(
  readSchema(readFileSync(new URL('../../crds/mcp2.dev_mcp2servers.yaml', import.meta.url), 'utf8')),
);

const GOOD = `apiVersion: mcp2.dev/v1alpha1
kind: Mcp2Server
metadata:
  name: db
spec:
  source:
    address: grpc://127.0.0.1:50061
  tls: {mode: Disabled}
  capabilities:
    - name: db:inventory:read
`;

function problemsOf(text: string): readonly string[] {
  return (readResources('a.yaml', text, parse).problems ?? []).map(formatProblem);
}

test('several documents are several resources, with their defaults', () => {
  const { ok } = readResources('a.yaml', `${GOOD}---\n${GOOD.replace('name: db', 'name: other')}---\n`, parse);
  expect(ok?.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`)).toEqual(['default/db', 'default/other']);
  expect(ok?.[0]?.spec.readiness.gates).toEqual(['Endpoints', 'Handshake']);
});

test('an empty file and a file of comments define nothing', () => {
  expect(readResources('a.yaml', '', parse)).toEqual({ ok: [], isBlank: true });
  expect(readResources('a.yaml', '# nothing here\n', parse)).toEqual({ ok: [] });
});

test('text that is no YAML is reported with its line', () => {
  expect(problemsOf(`${GOOD}  broken: [1,\n`)).toEqual([expect.stringMatching(/^a\.yaml:1[12]: /)]);
});

test('one mistake of indentation is one problem, and a quotation of what is no text at all is cut', () => {
  expect(problemsOf(GOOD.replace('  source:', '\tsource:'))).toEqual([expect.stringMatching(/^a\.yaml:6: Tabs/)]);
  const [problem = ''] = problemsOf(`${GOOD}\u0007${'x'.repeat(5_000)}`);
  expect(problem.length).toBeLessThan(200);
});

test('a wrong value is reported with its line and path', () => {
  const [problem, ...more] = problemsOf(GOOD.replace('db:inventory:read', 'db:inv*'));
  expect(problem).toMatch(/^a\.yaml:10: spec\.capabilities\[0\]\.name: /);
  expect(more).toEqual([]);
});

test('a misspelt field is reported where it stands', () => {
  expect(problemsOf(GOOD.replace('  tls:', '  tsl:')).join('\n')).toMatch(/a\.yaml:8: .*tsl/);
});

test('one broken document spoils its file, so that half a change is never applied', () => {
  expect(readResources('a.yaml', `${GOOD}---\nkind: Other\n`, parse).ok).toBeUndefined();
});

test('a resource of another kind is one problem, or skipped where a manifest may hold it', () => {
  const other = 'apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: db}\nspec: {replicas: 1}\n';
  expect(problemsOf(`${GOOD}---\n${other}`)).toEqual([expect.stringMatching(/^a\.yaml:13: .*Deployment of apps\/v1/)]);
  const { ok } = readResources('a.yaml', `${GOOD}---\n${other}`, parse, { skipOtherKinds: true });
  expect(ok).toHaveLength(1);
  const misspelt = GOOD.replace('mcp2.dev/v1alpha1', 'mcp2.dev/v1alpha2');
  expect(readResources('a.yaml', misspelt, parse, { skipOtherKinds: true }).problems).toHaveLength(1);
});

test('aliases that multiply are refused instead of filling the memory', () => {
  const bomb = `a: &a [${'x,'.repeat(9)}x]\nb: &b [${'*a,'.repeat(9)}*a]\nc: &c [${'*b,'.repeat(9)}*b]\nd: [${'*c,'.repeat(9)}*c]\n`;
  expect(problemsOf(bomb).length).toBeGreaterThan(0);
});

test('the items of a list are resources, and a mistake in one is reported where it stands', () => {
  const item = (name: string) => `- ${GOOD.replace('name: db', `name: ${name}`).trimEnd().replaceAll('\n', '\n  ')}\n`;
  for (const head of ['apiVersion: v1\nkind: List\n', 'apiVersion: mcp2.dev/v1alpha1\nkind: Mcp2ServerList\n']) {
    const { ok } = readResources('a.yaml', `${head}items:\n${item('one')}${item('two')}`, parse);
    expect(ok?.map(({ metadata }) => metadata.name)).toEqual(['one', 'two']);
    expect(problemsOf(`${head}items:\n${item('one')}${item('two').replace('Disabled', 'Off')}`)).toEqual([
      expect.stringMatching(/^a\.yaml:21: items\[1\]\.spec\.tls\.mode: /),
    ]);
  }
  expect(problemsOf('apiVersion: v1\nkind: List\nitems: 5\n')).not.toEqual([]);
});

test.each([
  ['mcp2.dev/v1alpha1', 'Mcp2servers', /kind/],
  ['mcp2.dev/v1alpha1', 'MCP2Server', /kind/],
  ['mcp2.dev/v1', 'Mcp2Server', /apiVersion/],
  ['mpc2.dev/v1alpha1', 'Mcp2Server', /apiVersion/],
  ['mcp2.de/v1alpha1', 'Whatever', /apiVersion/],
  ['v1alpha1', 'Mcp2Server', /apiVersion/],
  ['v1', 'McpServer', /apiVersion|kind/],
])('%s %s is almost ours: a mistake, not somebody else’s', (apiVersion, kind, where) => {
  const text = GOOD.replace('mcp2.dev/v1alpha1', apiVersion).replace('Mcp2Server', kind);
  const { problems = [] } = readResources('a.yaml', text, parse, { skipOtherKinds: true });
  expect(problems.map(formatProblem).join('\n')).toMatch(where);
});

test.each([
  ['toolhive.stacklok.dev/v1alpha1', 'MCPServer'],
  ['apps/v1', 'Deployment'],
  ['v1', 'Service'],
])('%s %s is somebody else’s, and said to be skipped', (apiVersion, kind) => {
  const text = `apiVersion: ${apiVersion}\nkind: ${kind}\n`;
  expect(readResources('a.yaml', text, parse, { skipOtherKinds: true })).toEqual({
    ok: [],
    others: [`${kind} of ${apiVersion}`],
  });
});

test('a word that kubectl takes for something else is a mistake where text is wanted, and a remark where not', () => {
  expect(problemsOf(GOOD.replace('name: db\n', 'name: on\n'))).toEqual([
    'a.yaml:4: metadata.name: write a string, not a boolean (kubectl reads on without quotes as true)',
  ]);
  const { ok, remarks = [] } = readResources('a.yaml', `${GOOD}  readiness: {minReadySeconds: 010}\n`, parse) as ReadOk;
  expect(ok?.[0]?.spec.readiness.minReadySeconds).toBe(8);
  expect(remarks.map(formatProblem)).toEqual([
    'a.yaml:11: kubectl reads 010 without quotes as 8; write 8, or "010" for the text',
  ]);
});

test('what only an API server writes is left out', () => {
  const { ok } = readResources(
    'a.yaml',
    GOOD.replace('name: db', 'name: db\n  creationTimestamp: null\n  uid: a\n  managedFields: [{}]').concat(
      'status: {a: 1}\n',
    ),
    parse,
  );
  expect(ok?.[0]).not.toHaveProperty('status');
  expect(ok?.[0]?.metadata).toEqual({ name: 'db', namespace: 'default' });
});

test.each([
  ['capabilities without a name', `${GOOD}${'    - {}\n'.repeat(20_000)}`],
  ['capabilities with a bad name', `${GOOD}${'    - {name: "db:inv*"}\n'.repeat(20_000)}`],
  ['unknown fields', `${GOOD}${Array.from({ length: 20_000 }, (_, i) => `  f${i}: 1\n`).join('')}`],
  ['labels', GOOD.replace('name: db', `name: db\n  labels: {${Array.from({ length: 20_000 }, (_, i) => `a${i}: 1`)}}`)],
])('20,000 mistakes (%s) are the first 20, in the time of one', (_title, text) => {
  const startMs = performance.now();
  expect(problemsOf(text).length).toBeGreaterThan(0);
  expect(problemsOf(text).length).toBeLessThanOrEqual(20);
  expect(performance.now() - startMs).toBeLessThan(10_000);
});
