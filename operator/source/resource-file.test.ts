import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { readSchema } from '#lib/schema/schema.ts';
import { createMcp2ServerParser } from '../server/resource.ts';
import { formatProblem, readResources } from './resource-file.ts';

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
  expect(readResources('a.yaml', '', parse)).toEqual({ ok: [] });
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
