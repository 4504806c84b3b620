/** Cases of the alerts about the operator. */
import { type AlertCase, always, growing, histogram, of } from './alert-case.ts';

const operator = (metric: string, labels = {}) => of('operator', metric, labels);
const standby = (metric: string, labels = {}) => of('operator', metric, { pod: 'operator-1', ...labels });
const LAG = { bounds: [0.1, 1, 5, 10, 30], perSecond: 1 };
const reconciles = (result: string) =>
  operator('controller_runtime_reconcile_total', { controller: 'mcp2server', result });
const handshakes = (result: string) => operator('mcp2_handshake_seconds_count', { result });

export const OPERATOR_ALERTS: readonly AlertCase[] = [
  {
    alert: 'Mcp2OperatorNoLeader',
    fires: [
      [operator('leader_election_master_status'), always(0)],
      [standby('leader_election_master_status'), always(0)],
    ],
    says: 'Nothing that changes in Mcp2Servers, Services or endpoints reaches Discovery. Lookups go on and answer what was last known.',
    quiet: {
      'one leads': [
        [operator('leader_election_master_status'), always(1)],
        [standby('leader_election_master_status'), always(0)],
      ],
      'a hand-over of half a minute': [[operator('leader_election_master_status'), '1x118 0x0 1x1']],
      'an operator of another namespace leads beside ours': [
        [operator('leader_election_master_status'), always(1)],
        [operator('leader_election_master_status', { namespace: 'other' }), always(0)],
      ],
    },
  },
  {
    alert: 'Mcp2OperatorQueueStuck',
    fires: [[operator('mcp2_workqueue_oldest_seconds', { name: 'mcp2server' }), '0+30x120']],
    says: 'The oldest change has waited 1h 0m 0s for work on it to begin.',
    quiet: { 'a minute at most': [[operator('mcp2_workqueue_oldest_seconds', { name: 'mcp2server' }), always(60)]] },
  },
  {
    alert: 'Mcp2RegistrationLagHigh',
    fires: histogram('operator', 'mcp2_registration_lag_seconds', { ...LAG, le: 10 }),
    says: 'One change in a hundred takes 9.95s from the API server to Discovery.',
    quiet: {
      'changes take less than 5 s': histogram('operator', 'mcp2_registration_lag_seconds', { ...LAG, le: 5 }),
      'nothing changes': histogram('operator', 'mcp2_registration_lag_seconds', { ...LAG, le: 10, perSecond: 0 }),
    },
  },
  {
    alert: 'Mcp2ReconcileFailing',
    fires: [
      [reconciles('success'), growing(10)],
      [reconciles('error'), growing(1)],
    ],
    labels: { controller: 'mcp2server' },
    says: 'Controller mcp2server fails 1.0 times a second.',
    quiet: {
      'one resource that fails is tried once a minute': [
        [reconciles('success'), growing(10)],
        [reconciles('error'), growing(1 / 60)],
      ],
      'conflicts are no errors': [[reconciles('conflict'), growing(1)]],
    },
  },
  {
    alert: 'Mcp2FenceRejected',
    fires: [
      [operator('mcp2_fence_rejections_total'), '0x110 1x10'],
      [standby('mcp2_fence_rejections_total'), always(0)],
    ],
    labels: { pod: 'operator-0' },
    says: 'Pod operator-0 was refused by the write fence and ended, so nothing was harmed; two installations with one id on one etcd do this again and again.',
    quiet: {
      never: [[operator('mcp2_fence_rejections_total'), always(0)]],
      'long ago': [[operator('mcp2_fence_rejections_total'), '0x5 3x115']],
    },
  },
  {
    alert: 'Mcp2SweepBlocked',
    fires: [
      [operator('mcp2_gc_blocked'), '0x109 1x3 0x8'],
      [standby('mcp2_gc_blocked'), always(0)],
    ],
    says: 'So many Mcp2Servers are no longer listed that it may be a mistake. Their registrations go when the next sweeps still find them gone: look now.',
    quiet: {
      never: [[operator('mcp2_gc_blocked'), always(0)]],
      'long ago': [[operator('mcp2_gc_blocked'), '1x3 0x117']],
    },
  },
  {
    alert: 'Mcp2WatchSilent',
    fires: [
      [operator('mcp2_watch_age_seconds', { resource: 'services' }), '0+30x120'],
      [operator('mcp2_watch_age_seconds', { resource: 'mcp2servers' }), always(3)],
    ],
    labels: { resource: 'services' },
    says: 'Nothing about services for 1h 0m 0s.',
    quiet: {
      'quiet kinds are watched anew after 75 s': [
        [operator('mcp2_watch_age_seconds', { resource: 'services' }), always(110)],
      ],
    },
  },
  {
    alert: 'Mcp2WatchMissedChanges',
    fires: [
      [operator('mcp2_watch_missed_total', { resource: 'services' }), '0x60 3x60'],
      [operator('mcp2_mirror_missed_total'), always(0)],
    ],
    says: 'A comparison found 3 changes that no watch had told of. They are healed.',
    quiet: {
      'nothing missed': [
        [operator('mcp2_watch_missed_total', { resource: 'services' }), always(0)],
        [operator('mcp2_mirror_missed_total'), always(7)],
      ],
    },
  },
  {
    alert: 'Mcp2HandshakesFailing',
    fires: [
      [handshakes('Verified'), growing(1)],
      [handshakes('Unreachable'), growing(1)],
      [handshakes('TLSFailed'), growing(2)],
    ],
    says: '75% of the handshakes with servers fail.',
    quiet: {
      'one in ten': [
        [handshakes('Verified'), growing(9)],
        [handshakes('Unreachable'), growing(1)],
      ],
      'no servers': [[handshakes('Verified'), growing(0)]],
    },
  },
];
