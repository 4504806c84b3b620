/** The alerts as Prometheus reads them: sound, firing when they should, and silent when not. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { runCommand } from '../../cluster/run-command.ts';
import { ensureTools } from '../../cluster/tools.ts';
import { createWorkspace } from '../../harness/processes.ts';
import type { AlertCase, Series } from './alert-case.ts';
import { type Alert, renderAlerts, renderRule, WITH_ALERTS } from './alerts.ts';
import { CONTEXT_TOOL_ALERTS } from './context-tool-alerts.ts';
import { ETCD_ALERTS } from './etcd-alerts.ts';
import { EVENT_BUS_ALERTS } from './event-bus-alerts.ts';
import { OPERATOR_ALERTS } from './operator-alerts.ts';
import { PROCESS_ALERTS, REGISTRY_ALERTS } from './registry-alerts.ts';

const CASES = [
  ...OPERATOR_ALERTS,
  ...REGISTRY_ALERTS,
  ...EVENT_BUS_ALERTS,
  ...CONTEXT_TOOL_ALERTS,
  ...PROCESS_ALERTS,
  ...ETCD_ALERTS,
];

let promtool: string;
let folder: string;
let rules: readonly Alert[];

beforeAll(async () => {
  promtool = (await ensureTools()).path('promtool');
  folder = createWorkspace('alerts').folder;
  rules = await renderAlerts();
  await writeFile(join(folder, 'rules.yaml'), JSON.stringify((await renderRule()).spec));
});

test('promtool accepts the rules', async () => {
  expect(
    await runCommand(promtool, ['check', 'rules', '--lint=all', '--lint-fatal', join(folder, 'rules.yaml')]),
  ).toContain(`SUCCESS: ${CASES.length} rules found`);
});

test('every alert has a case here, a severity, a summary and a runbook', () => {
  expect(rules.map(({ alert }) => alert).sort()).toEqual(CASES.map(({ alert }) => alert).sort());
  for (const { labels, annotations } of rules) {
    expect(labels.severity).toMatch(/^(critical|warning)$/);
    expect(annotations.summary).toMatch(/^[A-Z].+\.$/);
    expect(annotations.runbook_url).toMatch(/^https:\/\/mcp2\.dev\/docs\/runbooks\/[a-z-]+\.md$/);
  }
});

test.each(CASES)('$alert fires and says what is wrong, and is quiet otherwise', async (given) => {
  const quiet = Object.entries(given.quiet).map(([title, series]) => ruleTest(title, series, given.alert, []));
  await runRuleTests(given.alert, [ruleTest('fires', given.fires, given.alert, [expectedAlert(given)]), ...quiet]);
});

test('a case that is wrong is noticed', async () => {
  const [first] = CASES as [AlertCase];
  const wrong = ruleTest('not in truth', first.fires, first.alert, []);
  await expect(runRuleTests('wrong', [wrong])).rejects.toThrow('not in truth');
});

test('what is not installed has no alerts, and what is not wanted is left out', async () => {
  const external = { endpoints: ['https://etcd.example:2379'], existingSecret: 'etcd' };
  const alerts = await renderAlerts({
    etcd: { mode: 'external', external },
    monitoring: { rules: { enabled: true, disabled: ['Mcp2RegistrySlow'], runbookUrl: 'https://wiki.example/mcp2/' } },
  });
  const names = alerts.map(({ alert }) => alert);
  expect(names.filter((name) => name.startsWith('Mcp2Etcd'))).toEqual([]);
  expect(names).not.toContain('Mcp2RegistrySlow');
  expect(names).toContain('Mcp2RegistryDown');
  expect(alerts[0]?.annotations.runbook_url).toBe('https://wiki.example/mcp2/operator-no-leader.md');
});

test.each([
  ['two weeks before its end', {}, 14 * 86_400],
  ['later, where it is renewed later', { tls: { certificateDuration: '720h', renewBefore: '240h' } }, 5 * 86_400],
  [
    'two weeks before its end, where you renew it',
    { tls: { mode: 'existingSecret', renewBefore: '24h' } },
    14 * 86_400,
  ],
])('a certificate is late %s', async (_title, values, seconds) => {
  const alerts = await renderAlerts({ ...WITH_ALERTS, ...values });
  const { expr } = alerts.find(({ alert }) => alert === 'Mcp2CertificateExpires') ?? {};
  expect(expr).toMatch(new RegExp(`- time\\(\\) < ${seconds}$`));
});

test('labels of the rule and of its alerts are yours to add', async () => {
  const own = { enabled: true, labels: { release: 'prometheus' }, alertLabels: { team: 'platform' } };
  const rule = await renderRule({ monitoring: { rules: own } });
  expect(rule.metadata.labels).toMatchObject({ release: 'prometheus', 'app.kubernetes.io/name': 'mcp2' });
  for (const { rules } of rule.spec.groups) for (const { labels } of rules) expect(labels.team).toBe('platform');
});

function expectedAlert({ alert, labels = {}, says }: AlertCase): object {
  const rule = rules.find((one) => one.alert === alert);
  return {
    exp_labels: { ...labels, severity: rule?.labels.severity },
    exp_annotations: { ...rule?.annotations, description: says },
  };
}

function ruleTest(name: string, series: readonly Series[], alertname: string, exp_alerts: readonly object[]) {
  return {
    name,
    interval: '30s',
    input_series: series.map(([metric, text]) => ({ series: metric, values: text })),
    alert_rule_test: [{ eval_time: '1h', alertname, exp_alerts }],
  };
}

/** @throws Error with what promtool says. */
async function runRuleTests(name: string, tests: readonly object[]): Promise<void> {
  const file = join(folder, `${name}.yaml`);
  await writeFile(file, JSON.stringify({ rule_files: ['rules.yaml'], evaluation_interval: '30s', tests }));
  await runCommand(promtool, ['test', 'rules', file]);
}
