/** Two components of two words each, which between them have every trait that the chart's own lack. */
import type { MadeUpComponent } from './made-up-component.ts';

/** Called, and calls; keeps data. */
export const NEWS_BOARD: MadeUpComponent = {
  key: 'newsBoard',
  traits: {
    port: 50072,
    volume: 'MCP2_NEWS_BOARD_FOLDER',
    store: { read: ['/instances/'], write: ['.news/', '/operators/{installationId}/board'] },
    calls: ['registry'],
    clientCertificate: true,
    settings: { retention: 'MCP2_NEWS_BOARD_RETENTION' },
  },
  values: `# Whether it is installed.
enabled: true
# Number of pods.
# @schema {type: [integer, "null"], minimum: 1, maximum: 1}
replicas: 1
# How it works.
settings:
  # How long news stay.
  retention: 24h
# Requests and limits.
# @schema $ref: resources
resources: {requests: {cpu: 50m, memory: 64Mi}}
`,
};

/** Nobody calls it; it uses the API server. */
export const BOARD_READER: MadeUpComponent = {
  key: 'boardReader',
  traits: {
    leader: true,
    api: {
      own: [{ apiGroups: [''], resources: ['configmaps'], resourceNames: ['board'], verbs: ['get'] }],
      work: [{ apiGroups: [''], resources: ['services'], verbs: ['list'] }],
    },
    calls: ['newsBoard'],
  },
  values: '# Whether it is installed.\nenabled: true\n',
};
