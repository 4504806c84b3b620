{{/*
What tells one component from another. A new one is an entry here, a section of values of the same shape, and a file that
includes "mcp2.component".

  port              gRPC port; with it come a Service, a server certificate and the keys that verify tokens
  store             reads and writes etcd, with a certificate of its own
  api               uses the API server: its token is mounted
  signingKey        mints tokens
  clientCertificate shows a certificate to servers, and trusts those of the control plane's CA
  discovery         is the registry: `mcp2 lookup` in its pod needs no address
  settings          values below <component>.settings and the variable each becomes
*/}}
{{- define "mcp2.traits" -}}
operator:
  store: true
  api: true
  signingKey: true
  clientCertificate: true
  settings:
    leaseDuration: MCP2_OPERATOR_LEASE_DURATION
    renewDeadline: MCP2_OPERATOR_RENEW_DEADLINE
    retryPeriod: MCP2_OPERATOR_RETRY_PERIOD
    sweepInterval: MCP2_OPERATOR_SWEEP_INTERVAL
    concurrency: MCP2_OPERATOR_CONCURRENCY
    namespaces: MCP2_OPERATOR_NAMESPACES
registry:
  port: 50050
  discovery: true
  store: true
  settings:
    defaultTtlSeconds: MCP2_REGISTRY_DEFAULT_TTL_SECONDS
    readInterval: MCP2_REGISTRY_READ_INTERVAL
    staleAfter: MCP2_REGISTRY_STALE_AFTER
    collectAfter: MCP2_REGISTRY_COLLECT_AFTER
    allowedSuffixes: MCP2_REGISTRY_ALLOWED_SUFFIXES
    allowedCidrs: MCP2_REGISTRY_ALLOWED_CIDRS
sample:
  port: 50061
  settings:
    serverName: MCP2_SAMPLE_SERVER_NAME
{{- end -}}

{{/* Names of the components that are installed and serve gRPC. */}}
{{- define "mcp2.servers" -}}
{{- $servers := list -}}
{{- range $name, $traits := include "mcp2.traits" . | fromYaml -}}
{{- if and $traits.port (get $.Values $name).enabled -}}{{- $servers = append $servers $name -}}{{- end -}}
{{- end -}}
{{- join "," $servers -}}
{{- end -}}

{{/* Names of the components that use the store. */}}
{{- define "mcp2.storeUsers" -}}
{{- $users := list -}}
{{- range $name, $traits := include "mcp2.traits" . | fromYaml -}}
{{- if and $traits.store (get $.Values $name).enabled -}}{{- $users = append $users $name -}}{{- end -}}
{{- end -}}
{{- join "," $users -}}
{{- end -}}
