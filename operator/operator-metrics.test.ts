import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { ManualClock } from '#lib/manual-clock.ts';
import { createOperatorMetrics } from './operator-metrics.ts';

async function valuesOf(metrics: Registry): Promise<Record<string, number>> {
  const values: Record<string, number> = {};
  for (const { values: samples, name } of await metrics.getMetricsAsJSON()) {
    for (const sample of samples) {
      const full = 'metricName' in sample && sample.metricName ? String(sample.metricName) : name;
      if (full.endsWith('_bucket') || full.endsWith('_sum')) continue;
      values[[full, ...Object.values(sample.labels ?? {})].join(' ')] = Number(sample.value);
    }
  }
  return values;
}

test('what the parts report has the names that stock dashboards for controllers read', async () => {
  const metrics = new Registry();
  const clock = new ManualClock();
  const own = createOperatorMetrics(metrics, clock);
  const queue = own.queue('mcp2server');
  queue.added();
  queue.depth(4);
  queue.taken(0.2);
  queue.finished(0.3);
  queue.retried();
  queue.parked(2);
  own.controller('mcp2server').reconciled('success', 0.1);
  const leader = own.leader('mcp2-operator');
  leader.leading(true);
  leader.lag(0.001);
  own.onRequest({ method: 'GET', code: 200, seconds: 0.01 });
  own.reflector.relisted('services');
  own.reflector.missed('services', 3);
  own.reflector.failed('services', 'Idle');
  own.observeQueue('mcp2server', { inWorkSeconds: () => [1, 5], oldestSeconds: () => 7 });
  own.reflector.heard('services');
  own.reflector.heard('mcp2servers');
  await clock.advance(42_000);
  own.reflector.heard('mcp2servers');
  expect(await valuesOf(metrics)).toEqual({
    'workqueue_adds_total mcp2server': 1,
    'workqueue_depth mcp2server': 4,
    'workqueue_queue_duration_seconds_count mcp2server': 1,
    'workqueue_work_duration_seconds_count mcp2server': 1,
    'workqueue_retries_total mcp2server': 1,
    'workqueue_unfinished_work_seconds mcp2server': 6,
    'workqueue_longest_running_processor_seconds mcp2server': 5,
    'mcp2_workqueue_oldest_seconds mcp2server': 7,
    'mcp2_workqueue_parked mcp2server': 2,
    'controller_runtime_reconcile_total mcp2server success': 1,
    'controller_runtime_reconcile_time_seconds_count mcp2server': 1,
    'leader_election_master_status mcp2-operator': 1,
    'mcp2_leader_tick_lag_seconds_count mcp2-operator': 1,
    'rest_client_requests_total GET 200': 1,
    'rest_client_request_duration_seconds_count GET': 1,
    'mcp2_relists_total services': 1,
    'mcp2_watch_missed_total services': 3,
    'mcp2_watch_missed_total mcp2servers': 0,
    'mcp2_watch_failures_total services Idle': 1,
    'mcp2_watch_age_seconds services': 42,
    'mcp2_watch_age_seconds mcp2servers': 0,
  });
});

test('a replica that has never led says so', async () => {
  const metrics = new Registry();
  createOperatorMetrics(metrics, new ManualClock()).leader('mcp2-operator');
  expect(await valuesOf(metrics)).toMatchObject({ 'leader_election_master_status mcp2-operator': 0 });
});
