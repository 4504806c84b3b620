/** The runbooks: one page an alert, and nothing in them that does not exist. */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { withDefaults } from '../../../helm/component-values.ts';
import { readChartValues } from '../../../helm/generate.ts';
import { allOf } from '../../../helm/values-document.ts';
import { readSources } from '../../architecture/repository.ts';
import { renderChart } from '../render.ts';
import { type Alert, renderAlerts } from './alerts.ts';

const ROOT = join(import.meta.dirname, '../../..');
const FOLDER = join(ROOT, 'docs/runbooks');
const SECTIONS = ['What it means', 'What users notice', 'How to look', 'How to mend'];
/** What the setup jobs and the operator make, and the volumes of the members. */
const MADE_LATER = [
  'lease mcp2-operator',
  'secret mcp2-signing-key',
  'secret mcp2-ca',
  'secret mcp2-etcd-ca',
  'secret mcp2-registry-tls',
  'configmap mcp2-jwks',
  'persistentvolumeclaim data-mcp2-etcd-2',
  'persistentvolumeclaim data-mcp2-event-bus-0',
];
const SHORT: Readonly<Record<string, string>> = {
  deploy: 'deployment',
  sts: 'statefulset',
  pvc: 'persistentvolumeclaim',
};

const pages = new Map(readdirSync(FOLDER).map((name) => [name, readFileSync(join(FOLDER, name), 'utf8')] as const));
let alerts: readonly Alert[];

beforeAll(async () => {
  alerts = await renderAlerts();
});

test('every alert leads to a page with its name, what it means, what users notice, how to look and how to mend', () => {
  for (const { alert, annotations } of alerts) {
    const page = pages.get(basename(annotations.runbook_url)) ?? '';
    expect(page.split('\n')[0]).toBe(`# ${alert}`);
    expect([...page.matchAll(/^## (.*)$/gm)].map(([, title]) => title)).toEqual(SECTIONS);
  }
});

test('the index lists every alert with its severity and summary, and every other page', () => {
  const index = pages.get('README.md') ?? '';
  const rows = alerts.map(({ alert, labels, annotations }) => {
    const page = basename(annotations.runbook_url);
    return `| [${alert}](${page}) | ${labels.severity} | ${annotations.summary} |`;
  });
  expect(index.match(/^\| \[Mcp2.*$/gm)).toEqual(rows);
  for (const name of pages.keys()) if (name !== 'README.md') expect(index).toContain(`](${name})`);
});

test('what the commands name is in the release', async () => {
  const named = new Set([...pages.values()].flatMap(objectsIn));
  const backups = { enabled: true };
  const etcd = { replicas: 3, snapshot: backups, restore: { snapshot: 'a.db' }, dataDirectory: 'restored-1' };
  // One repair at a time, and no backups meanwhile.
  const buses = [{ backup: backups }, { repair: { restore: 'a.db' } }, { repair: { acceptLoss: true } }];
  const releases = await Promise.all(buses.map((eventBus) => renderChart({ values: { etcd, eventBus } })));
  const rendered = releases.flat().map(({ kind, metadata }) => `${kind} ${metadata.name}`.toLowerCase());
  expect(named.size).toBeGreaterThan(10);
  expect([...named].filter((object) => ![...rendered, ...MADE_LATER].includes(object))).toEqual([]);
});

test('what the pages say of values is in values.yaml', () => {
  const known = knownValues();
  const top = [...new Set([...known].map((path) => path.split('.')[0]))].join('|');
  const named = [...pages.values()].flatMap((page) => [
    ...[...page.matchAll(/--set ([\w.]+)=/g)].map(([, path = '']) => path),
    ...[...page.matchAll(new RegExp(`\`((?:${top})(?:\\.\\w+)+)`, 'g'))].map(([, path = '']) => path),
  ]);
  expect(named.length).toBeGreaterThan(20);
  expect(named.filter((path) => !known.has(path) && !SERVED_FILES.includes(path))).toEqual([]);
});

test('what is looked for in logs is what the processes write', () => {
  const code = readSources()
    .filter(({ path }) => /^(services|operator)\//.test(path))
    .map(({ text }) => text)
    .join('\n');
  const sentences = [...pages.values()].flatMap((page) =>
    [...page.matchAll(/grep '([a-z]+ [^']*)'/g)].map(([, text = '']) => text),
  );
  expect(sentences.length).toBeGreaterThan(2);
  expect(sentences.filter((text) => !code.includes(text))).toEqual([]);
});

test('an object that does not exist would be noticed', () => {
  expect(objectsIn('```sh\nkubectl get deploy/mcp2-nothing secret mcp2-other\n```')).toEqual([
    'deployment mcp2-nothing',
    'secret mcp2-other',
  ]);
});

/** Keys of ConfigMaps and Secrets that look like values. */
const SERVED_FILES = ['tls.crt', 'tls.key'];

/** "deployment mcp2-operator" of each `deploy/mcp2-operator` or `deploy mcp2-operator`. */
function objectsIn(page: string): string[] {
  const kinds = 'deploy|deployment|sts|statefulset|cronjob|lease|secret|configmap|networkpolicy|pvc|job';
  return [...page.matchAll(new RegExp(`\\b(${kinds})[/ ]((?:data-)?mcp2-[a-z0-9-]+)`, 'g'))].map(
    ([, kind = '', name = '']) => `${SHORT[kind] ?? kind} ${name}`,
  );
}

/** With what the sections of components take from componentDefaults. */
function knownValues(): Set<string> {
  const { values, components } = readChartValues();
  const all = allOf(withDefaults(values, components));
  return new Set(all.flatMap(({ path, default: value }) => [path, ...valuesIn(Object(value), `${path}.`)]));
}

function valuesIn(tree: object, prefix = ''): Set<string> {
  const paths = new Set<string>();
  for (const [key, value] of Object.entries(tree)) {
    paths.add(prefix + key);
    if (value !== null && typeof value === 'object' && !Array.isArray(value)) {
      for (const path of valuesIn(value, `${prefix}${key}.`)) paths.add(path);
    }
  }
  return paths;
}
