/** Cases of the alerts about servers that the chart makes of a configuration. */
import { type AlertCase, always, growing, HOUR, of } from './alert-case.ts';

const inventory = (metric: string, labels = {}) => of('inventory', metric, labels);
const asked = (result: string, labels = {}) =>
  inventory('mcp2_database_calls_total', { database: 'inventory', kind: 'context', result, ...labels });
const ended = (cause: string, module = 'pricing.mjs') =>
  of('pricing', 'mcp2_module_children_ended_total', { module, cause });
const outbox = (metric: string, labels = {}) => inventory(`mcp2_outbox_${metric}`, { outbox: 'inventory', ...labels });

export const CONTEXT_TOOL_ALERTS: readonly AlertCase[] = [
  {
    alert: 'Mcp2ConfigurationRefused',
    fires: [
      [inventory('mcp2_configuration_current'), '1x100 0x20'],
      [inventory('mcp2_configuration_current', { pod: 'inventory-1' }), always(1)],
    ],
    labels: { job: 'mcp2-inventory', pod: 'inventory-0' },
    says: 'The files of pod inventory-0 have a mistake; it goes on with what they held before.',
    quiet: {
      'put right within a minute': [[inventory('mcp2_configuration_current'), `1x${HOUR - 2} 0x1`]],
      'of another release': [[inventory('mcp2_configuration_current', { job: 'other-inventory' }), always(0)]],
    },
  },
  {
    alert: 'Mcp2DeclarationsBroken',
    fires: [[inventory('mcp2_broken_declarations'), '0x50 3x70']],
    labels: { job: 'mcp2-inventory', pod: 'inventory-0' },
    says: '3 contexts and tools of pod inventory-0 answer BACKEND_REFUSED.',
    quiet: { 'all were accepted': [[inventory('mcp2_broken_declarations'), always(0)]] },
  },
  {
    alert: 'Mcp2DatabaseUnavailable',
    fires: [
      [asked('ok'), growing(9)],
      [asked('BACKEND_UNAVAILABLE', { pod: 'inventory-1' }), growing(1)],
    ],
    labels: { job: 'mcp2-inventory', database: 'inventory' },
    says: '10% of the calls of mcp2-inventory that ask database inventory end with BACKEND_UNAVAILABLE.',
    quiet: {
      'nobody asks': [
        [asked('ok'), always(7)],
        [asked('BACKEND_UNAVAILABLE'), always(7)],
      ],
      'a failover that is over': [
        [asked('ok'), growing(9)],
        [asked('BACKEND_UNAVAILABLE'), '0+30x10 300x110'],
      ],
      'statements that callers got wrong': [
        [asked('ok'), growing(1)],
        [asked('BACKEND_REFUSED'), growing(9)],
      ],
    },
  },
  {
    alert: 'Mcp2ModulesEnd',
    fires: [
      [ended('memory'), '0x100 1 2 3 4 4x16'],
      [ended('idle'), growing(1)],
    ],
    labels: { job: 'mcp2-pricing', module: 'pricing.mjs' },
    says: '4 processes of pricing.mjs of mcp2-pricing ended in 15 minutes: for memory, a crash or an exit. Each took a call along.',
    quiet: {
      'idle ones end, and those of a former configuration': [
        [ended('idle'), growing(1)],
        [ended('replaced'), growing(1)],
      ],
      'one in a quarter of an hour': [[ended('crash'), '0x100 1x20']],
      'calls that take too long end in order': [[ended('timeout'), growing(1)]],
    },
  },
  {
    alert: 'Mcp2OutboxBlocked',
    fires: [
      [outbox('blocked'), '0x100 1x20'],
      [outbox('blocked', { outbox: 'inventory-2' }), always(0)],
    ],
    labels: { job: 'mcp2-inventory', outbox: 'inventory' },
    says: 'The first row of outbox inventory of mcp2-inventory is refused for good; those behind it wait.',
    quiet: { 'all are published': [[outbox('blocked'), always(0)]] },
  },
  {
    alert: 'Mcp2OutboxWaiting',
    fires: [
      [outbox('age_seconds'), `0+30x${HOUR}`],
      [outbox('age_seconds', { pod: 'inventory-1' }), always(0)],
    ],
    labels: { job: 'mcp2-inventory', outbox: 'inventory' },
    says: 'The first row of outbox inventory of mcp2-inventory has waited for 1h 0m 0s.',
    quiet: {
      'the bus was restarted': [[outbox('age_seconds'), '0x100 30 60 0x18']],
      'they go within a minute': [[outbox('age_seconds'), always(60)]],
    },
  },
];
