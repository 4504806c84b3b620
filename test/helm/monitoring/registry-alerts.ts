/** Cases of the alerts about the registry and about every process. */
import { type AlertCase, always, growing, histogram, of } from './alert-case.ts';

const registry = (metric: string, labels = {}) => of('registry', metric, labels);
const handled = (grpc_method: string, grpc_code: string) =>
  registry('grpc_server_handled_total', { grpc_method, grpc_code });
const LOOKUP = { bounds: [0.01, 0.05, 0.1, 0.25, 1], perSecond: 100, labels: { grpc_method: 'Lookup' } };
const DAY = 86_400;

export const REGISTRY_ALERTS: readonly AlertCase[] = [
  {
    alert: 'Mcp2RegistryDown',
    fires: [[registry('up'), always(0)]],
    says: 'No client can look a server up. What clients have looked up before, they still have.',
    quiet: {
      'one of two answers': [
        [registry('up'), always(1)],
        [registry('up', { pod: 'registry-1' }), always(0)],
      ],
    },
  },
  {
    alert: 'Mcp2RegistryStale',
    fires: [
      [registry('mcp2_registry_stale'), '0x100 1x20'],
      [registry('mcp2_registry_stale', { pod: 'registry-1' }), always(0)],
    ],
    labels: { pod: 'registry-0' },
    says: 'Pod registry-0 cannot reach the store; its answers are marked stale, Register is refused.',
    quiet: { 'answers are current': [[registry('mcp2_registry_stale'), always(0)]] },
  },
  {
    alert: 'Mcp2RegistryErrors',
    fires: [
      [handled('Lookup', 'OK'), growing(90)],
      [handled('Lookup', 'INTERNAL'), growing(5)],
      [handled('Lookup', 'UNAVAILABLE'), growing(5)],
    ],
    labels: { grpc_method: 'Lookup' },
    says: '10% of the calls of Lookup fail for reasons of ours.',
    quiet: {
      'callers without rights are no failures of ours': [
        [handled('Lookup', 'OK'), growing(50)],
        [handled('Lookup', 'PERMISSION_DENIED'), growing(50)],
      ],
      'heartbeats end when a pod is rolled out': [[handled('Heartbeat', 'UNAVAILABLE'), growing(1)]],
      'one in two hundred': [
        [handled('Register', 'OK'), growing(199)],
        [handled('Register', 'UNAVAILABLE'), growing(1)],
      ],
    },
  },
  {
    alert: 'Mcp2RegistrySlow',
    fires: histogram('registry', 'grpc_server_handling_seconds', { ...LOOKUP, le: 0.25 }),
    says: 'One Lookup in a hundred takes 248.5ms.',
    quiet: { 'under 50 ms': histogram('registry', 'grpc_server_handling_seconds', { ...LOOKUP, le: 0.05 }) },
  },
  {
    alert: 'Mcp2RegistryRecordsUnreadable',
    fires: [[registry('mcp2_registry_undecodable'), always(2)]],
    says: '2 values below the prefix are no records of this version; nobody finds them.',
    quiet: { 'all can be read': [[registry('mcp2_registry_undecodable'), always(0)]] },
  },
];

export const PROCESS_ALERTS: readonly AlertCase[] = [
  {
    alert: 'Mcp2TargetDown',
    fires: [
      [of('inventory', 'up'), always(0)],
      [of('operator', 'up'), always(1)],
    ],
    labels: { job: 'mcp2-inventory', namespace: 'mcp2-system', pod: 'inventory-0' },
    says: 'Pod inventory-0 (mcp2-inventory) has not answered for 5 minutes.',
    quiet: {
      'all answer': [[of('inventory', 'up'), always(1)]],
      'somebody else is down': [[of('inventory', 'up', { job: 'mcp2-other' }), always(0)]],
    },
  },
  {
    alert: 'Mcp2CertificateExpires',
    // Time begins at 0 in these tests, so that an hour on 3,600 s have passed.
    fires: [
      [
        of('registry', 'mcp2_certificate_expiry_timestamp_seconds', { file: '/etc/mcp2/tls/tls.crt' }),
        always(5 * DAY + 3600),
      ],
      [
        of('registry', 'mcp2_certificate_expiry_timestamp_seconds', { file: '/etc/mcp2/etcd/tls.crt' }),
        always(60 * DAY),
      ],
    ],
    labels: { job: 'mcp2-registry', file: '/etc/mcp2/tls/tls.crt' },
    says: '/etc/mcp2/tls/tls.crt of mcp2-registry ends in 5d 0h 0m 0s.',
    quiet: {
      'two weeks and an hour': [
        [of('registry', 'mcp2_certificate_expiry_timestamp_seconds', { file: 'a' }), always(14 * DAY + 7200)],
      ],
    },
  },
  {
    alert: 'Mcp2EventLoopBlocked',
    fires: [[of('operator', 'nodejs_eventloop_lag_p99_seconds'), always(0.8)]],
    labels: { pod: 'operator-0' },
    says: 'Pod operator-0 wakes up 800ms late.',
    quiet: { 'a tenth of a second': [[of('operator', 'nodejs_eventloop_lag_p99_seconds'), always(0.1)]] },
  },
];
