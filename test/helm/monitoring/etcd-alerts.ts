/** Cases of the alerts about the bundled etcd, with three members. */
import { type AlertCase, always, histogram, of, type Series } from './alert-case.ts';

const members = (metric: string, values: readonly string[], labels = {}): readonly Series[] =>
  values.map((value, index) => [of('etcd', metric, { pod: `etcd-${index}`, ...labels }), value]);
const QUOTA = 2 ** 31;
const sizes = (share: number): readonly Series[] => [
  ...members('etcd_mvcc_db_total_size_in_bytes', [always(Math.round(QUOTA * share)), always(1000)]),
  ...members('etcd_server_quota_backend_bytes', [always(QUOTA), always(QUOTA)]),
];
const FSYNC = { bounds: [0.008, 0.128, 0.512, 1.024], perSecond: 10 };

export const ETCD_ALERTS: readonly AlertCase[] = [
  {
    alert: 'Mcp2EtcdNoLeader',
    fires: members('etcd_server_has_leader', [always(0), always(1)]),
    says: 'Without a leader nothing can be registered. Lookups go on from memory, marked stale.',
    quiet: {
      'all know one': members('etcd_server_has_leader', [always(1), always(1)]),
      'an election of half a minute': members('etcd_server_has_leader', ['1x118 0x0 1x1']),
    },
  },
  {
    alert: 'Mcp2EtcdMemberDown',
    fires: members('up', [always(1), always(1), always(0)]),
    says: '2 of 3 members answer.',
    quiet: { 'three answer': members('up', [always(1), always(1), always(1)]) },
  },
  {
    alert: 'Mcp2EtcdNoSpace',
    fires: members('etcd_debugging_server_alarms', ['0x100 1x20'], { alarm_type: 'NOSPACE', server_id: 'a1' }),
    says: 'Nothing can be registered until space is made. Lookups go on.',
    quiet: {
      'another alarm': members('etcd_debugging_server_alarms', [always(1)], { alarm_type: 'CORRUPT', server_id: 'a1' }),
      'nine tenths are used': sizes(0.9),
    },
  },
  {
    alert: 'Mcp2EtcdSpaceLow',
    fires: sizes(0.9),
    labels: { pod: 'etcd-0' },
    says: 'The database of etcd-0 takes 90% of its quota.',
    quiet: { half: sizes(0.5) },
  },
  {
    alert: 'Mcp2EtcdDiskSlow',
    fires: histogram('etcd', 'etcd_disk_wal_fsync_duration_seconds', { ...FSYNC, le: 1.024 }),
    labels: { pod: 'etcd-0' },
    says: 'One write in a hundred takes 1.019s to become durable on etcd-0.',
    quiet: {
      'a slow but usual disk': histogram('etcd', 'etcd_disk_wal_fsync_duration_seconds', { ...FSYNC, le: 0.128 }),
    },
  },
];
