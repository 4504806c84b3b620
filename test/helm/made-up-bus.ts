/** Two components of two words each, which between them have every trait that the chart's own lack. */
import type { MadeUpComponent } from './made-up-component.ts';

/** Called, and calls; keeps data. */
export const EVENT_BUS: MadeUpComponent = {
  key: 'eventBus',
  traits: {
    port: 50052,
    volume: 'MCP2_EVENT_BUS_FOLDER',
    store: { read: ['/instances/'], write: ['.event/', '/operators/{installationId}/bus'] },
    calls: ['registry'],
    clientCertificate: true,
    settings: { retention: 'MCP2_EVENT_BUS_RETENTION' },
  },
  values: `# Whether it is installed.
enabled: true
# Number of pods.
# @schema {type: [integer, "null"], minimum: 1, maximum: 1}
replicas: 1
# How it works.
settings:
  # How long events stay.
  retention: 24h
# Requests and limits.
# @schema $ref: resources
resources: {requests: {cpu: 50m, memory: 64Mi}}
`,
};

/** Nobody calls it; it uses the API server. */
export const BUS_READER: MadeUpComponent = {
  key: 'busReader',
  traits: {
    leader: true,
    api: {
      own: [{ apiGroups: [''], resources: ['configmaps'], resourceNames: ['bus'], verbs: ['get'] }],
      work: [{ apiGroups: [''], resources: ['services'], verbs: ['list'] }],
    },
    calls: ['eventBus'],
  },
  values: '# Whether it is installed.\nenabled: true\n',
};
