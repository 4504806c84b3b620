{{/*
What tells one component from another. A new one is an entry here, a section of values.yaml that says how it differs from
componentDefaults, and a file that includes "mcp2.component". Its key is camelCase, here and in the values; what is made
from it (names, labels, certificates, etcd's users, the process' argument) is the same in kebab case. One with `entries` is
made as often as that map has entries: all but the process' argument is then named after the entry.

The generator of values.schema.json reads this as YAML (helm/traits.ts): no templates in it.

  port              gRPC port; with it come a Service, a server certificate and the keys that verify tokens
  entries           the map in its section with an entry for each of it; what stands beside the map is every entry's default.
                    Not together with volume, log, schemas, leader, store, api, signingKey and clientCertificate
  volume            makes it a StatefulSet whose pods each keep a volume; the variable that names its folder
  log               a log of events lies in that volume, which one pod alone can write: there is no more than one. Values below
                    <component>.log and the variable each becomes; with it come backups and repairs (_event-log.tpl)
  schemas           the variable that names the file with the schemas of its values `schemas`
  leader            one pod leads and the others stand by: load does not decide how many there are
  store             its rights in etcd, and a certificate that etcd takes it by. Paths follow the prefix without its last
                    slash; one that ends in a slash is all below it, {installationId} is this installation's
  api               its rights in the API server, and a token for it: `own` in the release's namespace, `work` in the
                    namespaces of its setting of that name or else in all, `workAndOwn` in both, `cluster` in all
  signingKey        mints tokens
  calls             components that it calls: its network policy lets it, and MCP2_<NAME>_ADDRESS says where they are.
                    "servers" are those that resources point to, anywhere; "backends" what a configuration names
  clientCertificate shows a certificate of its own to those it calls
  settings          values below <component>.settings and the variable each becomes
  quotas            the same of values below <component>.quotas
  installationId    the variable that says which installation this is, where the values do
  stateFolder       the variable that names a folder that outlives the container, not the pod
  configuration     the variable that names its configuration file: values `config`, `modules` and `sql` lie in one folder,
                    `secrets` and `token` are mounted, and every change of the files rolls the pods
  claim             has a folder that outlives its only pod where `persistence` says so, and else the container
*/}}
{{- define "mcp2.traits" -}}
operator:
  leader: true
  store:
    read: [/]
    write: [/servers/, "/operators/{installationId}/epoch"]
  api:
    own:
      # A name does not exist yet when it is created, so it cannot be limited to one.
      - apiGroups: [coordination.k8s.io]
        resources: [leases]
        verbs: [create]
      - apiGroups: [coordination.k8s.io]
        resources: [leases]
        resourceNames: [mcp2-operator]
        verbs: [get, watch, patch]
    work:
      # Status by server-side apply and the finalizer by merge patch: both are PATCH. Never create, update or delete.
      - apiGroups: [mcp2.dev]
        resources: [mcp2servers]
        verbs: [get, list, watch, patch]
      - apiGroups: [mcp2.dev]
        resources: [mcp2servers/status]
        verbs: [patch]
      # With the admission plugin OwnerReferencesPermissionEnforcement.
      - apiGroups: [mcp2.dev]
        resources: [mcp2servers/finalizers]
        verbs: [patch]
      # get: what a list stopped showing is confirmed one by one.
      - apiGroups: [""]
        resources: [services]
        verbs: [get, list, watch]
      - apiGroups: [discovery.k8s.io]
        resources: [endpointslices]
        verbs: [get, list, watch]
      # CA bundles, by name; never listed. No Secrets.
      - apiGroups: [""]
        resources: [configmaps]
        verbs: [get]
    workAndOwn:
      # patch: repeats count up in one Event.
      - apiGroups: [events.k8s.io]
        resources: [events]
        verbs: [create, patch]
    cluster:
      # Their labels decide who may see a server; the uid of kube-system tells clusters apart.
      - apiGroups: [""]
        resources: [namespaces]
        verbs: [get, list, watch]
  signingKey: true
  calls: [servers]
  clientCertificate: true
  installationId: MCP2_OPERATOR_INSTALLATION_ID
  # Losses of the fence are counted there, so that the next scrape still sees them.
  stateFolder: MCP2_OPERATOR_STATE_DIR
  settings:
    leaseDuration: MCP2_OPERATOR_LEASE_DURATION
    renewDeadline: MCP2_OPERATOR_RENEW_DEADLINE
    retryPeriod: MCP2_OPERATOR_RETRY_PERIOD
    sweepInterval: MCP2_OPERATOR_SWEEP_INTERVAL
    concurrency: MCP2_OPERATOR_CONCURRENCY
    namespaces: MCP2_OPERATOR_NAMESPACES
registry:
  port: 50050
  # Everything is read because one watch delivers all records in order. A server that registers itself claims its name: a
  # record beside those of the operator.
  store:
    read: [/]
    write: [/servers/, /instances/]
  # `mcp2 lookup` in its pod goes through the Service, and so to any pod of it.
  calls: [registry]
  settings:
    defaultTtlSeconds: MCP2_REGISTRY_DEFAULT_TTL_SECONDS
    readInterval: MCP2_REGISTRY_READ_INTERVAL
    staleAfter: MCP2_REGISTRY_STALE_AFTER
    collectAfter: MCP2_REGISTRY_COLLECT_AFTER
    allowedSuffixes: MCP2_REGISTRY_ALLOWED_SUFFIXES
    allowedCidrs: MCP2_REGISTRY_ALLOWED_CIDRS
eventBus:
  port: 50052
  volume: MCP2_EVENT_BUS_LOG_DIR
  # `mcp2 publish` and `mcp2 subscribe` in its pod go through the Service.
  calls: [eventBus]
  log:
    retention: MCP2_EVENT_BUS_RETENTION
    retentionBytes: MCP2_EVENT_BUS_RETENTION_BYTES
    retentionEventsPerTopic: MCP2_EVENT_BUS_RETENTION_EVENTS_PER_TOPIC
    dedupWindow: MCP2_EVENT_BUS_DEDUP_WINDOW
    maxTopics: MCP2_EVENT_BUS_MAX_TOPICS
  quotas:
    publishesPerSecond: MCP2_EVENT_BUS_QUOTA_PUBLISHES
    publishBurst: MCP2_EVENT_BUS_QUOTA_PUBLISH_BURST
    bytesPerSecond: MCP2_EVENT_BUS_QUOTA_BYTES
    byteBurst: MCP2_EVENT_BUS_QUOTA_BYTE_BURST
    subscriptions: MCP2_EVENT_BUS_QUOTA_SUBSCRIPTIONS
    durables: MCP2_EVENT_BUS_QUOTA_DURABLES
    newTopicsPerMinute: MCP2_EVENT_BUS_QUOTA_NEW_TOPICS
  schemas: MCP2_EVENT_BUS_SCHEMAS_FILE
  settings:
    tailBytes: MCP2_EVENT_BUS_TAIL_BYTES
    slowConsumerAfter: MCP2_EVENT_BUS_SLOW_CONSUMER_AFTER
contextTool:
  entries: servers
  port: 50061
  configuration: MCP2_CONTEXT_TOOL_CONFIG
  claim: true
  # `mcp2 context` and `mcp2 call` in the pod of one find it and the others through the registry. What a server reads from is
  # anywhere. Events are published to the bus.
  calls: [registry, eventBus, contextTool, backends]
{{- end -}}
