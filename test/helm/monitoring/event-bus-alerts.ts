/** Cases of the alerts about the event bus. */
import { type AlertCase, always, growing, HOUR, histogram, of } from './alert-case.ts';

const bus = (metric: string, labels = {}) => of('event-bus', metric, labels);
const handled = (grpc_method: string, grpc_code: string) =>
  bus('grpc_server_handled_total', { grpc_method, grpc_code });
const delivered = (kind: string) => bus('mcp2_event_bus_delivered_total', { kind });
const parked = (reason: string) => bus('mcp2_event_bus_parked_total', { reason });
const COMMIT = { bounds: [0.01, 0.1, 0.5, 1], perSecond: 50 };
const GIB = 1024 ** 3;
/** Of a log that may hold 10 GiB. */
const room = (log: number, free: number) =>
  [
    [bus('mcp2_event_bus_log_bytes'), always(log * GIB)],
    [bus('mcp2_event_bus_log_free_bytes'), always(free * GIB)],
  ] as const;

export const EVENT_BUS_ALERTS: readonly AlertCase[] = [
  {
    alert: 'Mcp2EventBusDown',
    fires: [[bus('up'), '1x110 0x10']],
    says: 'Nobody can publish, and no event arrives. What was acknowledged is in the log; publishers and subscribers that follow the SDK go on when it is back.',
    quiet: {
      'it answers': [[bus('up'), always(1)]],
      'a restart of a minute': [[bus('up'), '1x117 0x1 1x1']],
    },
  },
  {
    alert: 'Mcp2EventBusErrors',
    fires: [
      [handled('Publish', 'OK'), growing(45)],
      [handled('Publish', 'UNAVAILABLE'), growing(5)],
    ],
    labels: { grpc_method: 'Publish' },
    says: '10% of the calls of Publish fail for reasons of ours.',
    quiet: {
      'publishers without rights, quotas that are spent': [
        [handled('Publish', 'OK'), growing(50)],
        [handled('Publish', 'PERMISSION_DENIED'), growing(50)],
        [handled('Publish', 'RESOURCE_EXHAUSTED'), growing(50)],
      ],
      'streams end when the pod is rolled out': [[handled('Subscribe', 'UNAVAILABLE'), growing(1)]],
    },
  },
  {
    alert: 'Mcp2EventLogFull',
    fires: [[bus('mcp2_event_bus_log_full'), '0x100 1x20']],
    says: 'Publishers are told LOG_FULL and try again. Events that are in the log are delivered.',
    quiet: { 'there was room again': [[bus('mcp2_event_bus_log_full'), '0x50 1x50 0x20']] },
  },
  {
    alert: 'Mcp2EventLogSpaceLow',
    fires: room(4, 4),
    says: 'Its events and what is free are 8GiB together; it will be full before the oldest go.',
    quiet: { 'a new log': room(0, 14), 'one that is as large as it may be': room(10, 2) },
  },
  {
    alert: 'Mcp2EventLogDamaged',
    fires: [[bus('mcp2_event_bus_log_damaged_total'), '0x60 2x60']],
    says: '2 times in an hour an event was not what had been written. Subscribers are told of a gap and get the others.',
    quiet: { 'none since': [[bus('mcp2_event_bus_log_damaged_total'), always(3)]] },
  },
  {
    alert: 'Mcp2EventCommitsSlow',
    fires: histogram('event-bus', 'mcp2_event_bus_log_commit_seconds', { ...COMMIT, le: 1 }),
    says: 'One commit in a hundred takes 995ms; each publish waits for one.',
    quiet: {
      'a tenth of a second': histogram('event-bus', 'mcp2_event_bus_log_commit_seconds', { ...COMMIT, le: 0.1 }),
    },
  },
  {
    alert: 'Mcp2EventsParked',
    fires: [
      [parked('max_deliver'), '0x60 4x60'],
      [parked('term'), always(0)],
    ],
    labels: { reason: 'max_deliver' },
    says: '4 events in an hour, for max_deliver. They are kept for 7 days.',
    quiet: { 'none in the last hour': [[parked('term'), always(12)]] },
  },
  {
    alert: 'Mcp2EventsRedelivered',
    fires: [
      [delivered('first'), growing(30)],
      [delivered('again'), growing(10)],
    ],
    says: '25% of the deliveries are repeats: the first was not acknowledged in time.',
    quiet: {
      'a subscriber that was restarted': [
        [delivered('first'), growing(30)],
        [delivered('again'), `0x100 1000x${HOUR - 100}`],
      ],
      'nobody subscribes': [
        [delivered('first'), always(7)],
        [delivered('again'), always(7)],
      ],
    },
  },
  {
    alert: 'Mcp2SlowConsumers',
    fires: [[bus('mcp2_event_bus_slow_consumers_total'), '0x100 2 4 6 8x17']],
    says: '8 streams were ended with SLOW_CONSUMER in 15 minutes. Who reads again may go on where it was.',
    quiet: { 'one that hung': [[bus('mcp2_event_bus_slow_consumers_total'), '0x100 1x20']] },
  },
];
