/** Whole resources, and the two names. */
import { bad, type Case, good, server } from './case.ts';

export function wholeCases(): Case[] {
  const { spec: _, ...withoutSpec } = server();
  return [
    good('the least that is valid', server()),
    good('every field at once', server(everyField())),
    good('nulls count as absent', server({ serverName: null, tls: null, registration: { tags: { region: null } } })),
    good('a status is not looked at', { ...server(), status: { observedGeneration: 'x' } }),
    good('labels and annotations', {
      ...server(),
      metadata: { name: 'db', namespace: 'default', labels: { a: 'b' }, annotations: { 'mcp2.dev/ignore': 'true' } },
    }),
    ...metadataCases(),
    bad('no spec', withoutSpec, 'spec'),
    bad('spec is a list', { ...server(), spec: [] }, 'spec'),
    bad('an unknown field of spec', server({ servername: 'a' }), 'spec.servername'),
    bad('an unknown field deep inside', server({ tls: { mod: 'Simple' } }), 'spec.tls.mod'),
    bad('an unknown field called constructor', server({ constructor: {} }), 'spec.constructor'),
    bad('a null item', server({ capabilities: [null] }), 'spec.capabilities[0]'),
  ];
}

/** What the API server asks of metadata with code of its own; an exported file brings most of these along. */
function metadataCases(): Case[] {
  const withMetadata = (change: object) => ({
    ...server(),
    metadata: { name: 'db', namespace: 'default', ...change },
  });
  const goods: Record<string, object> = {
    'a creation time that is nothing': { creationTimestamp: null },
    'a creation time': { creationTimestamp: '2026-01-01T00:00:00Z' },
    'labels that are nothing': { labels: null },
    'a label that is nothing': { labels: { a: null } },
    'an empty label': { labels: { a: '' } },
    'a label with a prefix': { labels: { 'app.kubernetes.io/name': 'db' } },
    'an annotation in capitals': { annotations: { 'Example.com/A': 'any text\n at all' } },
    'finalizers that are nothing': { finalizers: null },
    'managed fields that are nothing': { managedFields: null },
  };
  const bads: Record<string, [change: object, path: string]> = {
    'a label that is a number': [{ labels: { a: 1 } }, 'labels'],
    'a label that is a truth value': [{ labels: { a: true } }, 'labels'],
    'labels that are a list': [{ labels: ['a'] }, 'labels'],
    'a label with a space': [{ labels: { a: 'b c' } }, 'metadata.labels'],
    'a label of 64 characters': [{ labels: { a: 'b'.repeat(64) } }, 'metadata.labels'],
    'a key of a label with a dash in front': [{ labels: { '-a': 'b' } }, 'metadata.labels'],
    'an empty key of a label': [{ labels: { '': 'b' } }, 'metadata.labels'],
    'a key of a label with two slashes': [{ labels: { 'a/b/c': 'd' } }, 'metadata.labels'],
    'an annotation that is a number': [{ annotations: { a: 1 } }, 'annotations'],
    'a key of an annotation with a space': [{ annotations: { 'a b': 'c' } }, 'metadata.annotations'],
    'annotations of more than 256 KiB': [{ annotations: { a: 'b'.repeat(256 * 1024) } }, 'metadata.annotations'],
    'a creation time that is a number': [{ creationTimestamp: 5 }, ''],
    'a creation time that is no time': [{ creationTimestamp: 'yesterday' }, ''],
    'a uid that is a number': [{ uid: 5 }, ''],
    'a generation that is text': [{ generation: 'x' }, ''],
    'finalizers that are text': [{ finalizers: 'x' }, ''],
  };
  return [
    ...Object.entries(goods).map(([title, change]) => good(title, withMetadata(change))),
    ...Object.entries(bads).map(([title, [change, path]]) => bad(title, withMetadata(change), path)),
  ];
}

function everyField(): object {
  return {
    serverName: 'InventoryDB_Primary',
    source: { service: { name: 'inventory-db', port: 50_051 } },
    tls: {
      mode: 'Mutual',
      caBundleRef: { kind: 'ConfigMap', name: 'mesh-ca', key: 'ca.crt' },
      serverName: 'inventory-db.shop.svc',
    },
    capabilityMode: 'Declared',
    capabilities: [
      {
        name: 'db:inventory:read',
        methods: ['ContextTool.RequestContext', 'ContextTool.UploadContext'],
        contextKeys: ['inventory:*'],
        params: ['filter', 'warehouse'],
        readOnly: true,
        idempotent: true,
      },
      {
        name: 'tool:compute_pricing',
        methods: ['ContextTool.InvokeTool'],
        tools: ['compute_pricing'],
        params: ['sku'],
      },
      { name: 'event:publish:inventory:*', methods: ['EventBus.Publish'], topics: ['inventory:*:low_stock'] },
      { name: 'event:subscribe:*', methods: ['EventBus.Subscribe', 'EventBus.Ack', 'EventBus.DeleteSubscription'] },
      { name: 'telemetry:read', methods: ['ContextTool.SubscribeTelemetry', 'ContextTool.MultiModalExchange'] },
    ],
    readiness: {
      gates: ['Endpoints', 'Handshake'],
      minReadyEndpoints: 2,
      minReadySeconds: 5,
      probe: { intervalSeconds: 10, timeoutSeconds: 2, failureThreshold: 2, successThreshold: 2 },
    },
    registration: {
      drainSeconds: 30,
      visibility: { from: 'Selector', selector: { matchLabels: { 'mcp2.dev/tenant': 'retail' } } },
      tags: { region: 'us-east-1', 'topology.kubernetes.io/zone': 'a' },
    },
  };
}

export function nameCases(): Case[] {
  const grammar = "write a letter, then at most 62 letters, digits, '.', '_' or '-'";
  const reserved = 'this is the name of a service of the control plane; write another one';
  const metadata =
    "metadata.name is no server name (a letter, then at most 62 letters, digits, '.', '_' or '-'); write spec.serverName";
  const metadataReserved =
    'metadata.name is the name of a service of the control plane; write spec.serverName or choose another metadata.name';
  const long = `a${'b'.repeat(62)}`;
  return [
    good('a server name with every kind of character', server({ serverName: 'Inventory.DB_1-a' })),
    good('a server name of 63 characters', server({ serverName: long })),
    bad('a server name of 64 characters', server({ serverName: `${long}c` }), 'spec.serverName'),
    bad('an empty server name', server({ serverName: '' }), 'spec.serverName', grammar),
    bad('a server name that starts with a digit', server({ serverName: '1db' }), 'spec.serverName', grammar),
    bad('a server name with a colon', server({ serverName: 'db:1' }), 'spec.serverName', grammar),
    bad('a server name with a wildcard', server({ serverName: 'db*' }), 'spec.serverName', grammar),
    bad('a server name with a line feed', server({ serverName: 'db\n' }), 'spec.serverName', grammar),
    bad('a server name that is a number', server({ serverName: 5 }), 'spec.serverName'),
    bad('a reserved server name', server({ serverName: 'TokenServer' }), 'spec.serverName', reserved),
    bad('another reserved one, other case', server({ serverName: 'rEGISTRYserver' }), 'spec.serverName', reserved),
    bad('the third reserved one', server({ serverName: 'eventbusserver' }), 'spec.serverName', reserved),
    good('a resource name of 63 characters stands for the server name', server({}, long)),
    bad('a resource name of 64 characters', server({}, `${long}c`), '<nil>', metadata),
    bad('a resource name that starts with a digit', server({}, '1db'), '<nil>', metadata),
    good('such a resource name with a server name', server({ serverName: 'db' }, '1db')),
    bad('a reserved resource name', server({}, 'eventbusserver'), '<nil>', metadataReserved),
    good('a reserved resource name with a server name', server({ serverName: 'db' }, 'eventbusserver')),
    bad('a resource name in capitals', server({ serverName: 'db' }, 'DB'), 'metadata.name'),
    bad('a resource name with an empty label', server({ serverName: 'db' }, 'a..b'), 'metadata.name'),
  ];
}
