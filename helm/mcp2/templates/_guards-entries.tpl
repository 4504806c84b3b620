{{/* What is refused of the entries of a component, in sentences that begin with their place in the values. */}}

{{/* Names of objects of the chart behind "<fullname>-", and what these are labelled with: an entry would take them. */}}
{{- define "mcp2.guards.takenNames" -}}
admin bus-accept-loss bus-backup bus-backups bus-restore ca context-tool crds dashboard default-deny defrag edit etcd etcd-ca etcd-maintenance etcd-peers etcd-restore etcd-snapshots
event-bus-maintenance event-bus-schemas jwks
rbac rotate selfsigned setup signing-key snapshot store-setup test tls uninstall view
{{- end -}}

{{/* (list root key) */}}
{{- define "mcp2.guards.entries" -}}
{{- $root := index . 0 -}}
{{- $key := index . 1 -}}
{{- $traits := get (include "mcp2.traits" $root | fromYaml) $key -}}
{{- $servers := dict -}}
{{- range $entry, $_ := include "mcp2.entries" . | fromJson -}}
{{- $place := printf "%s.%s.%s" $key $traits.entries $entry -}}
{{- include "mcp2.guards.entryName" (list $root $place $entry) -}}
{{- $instance := dict "key" $key "entry" $entry "name" (include "mcp2.kebab" $entry) -}}
{{- $context := set (include "mcp2.component.context" (list $root $instance) | fromJson) "root" $root -}}
{{- include "mcp2.guards.component" (list $place $context.values $traits) -}}
{{- if $traits.configuration -}}
{{- $name := include "mcp2.guards.configuration" (list $place $context) -}}
{{- if hasKey $servers $name -}}
{{- fail (printf "%s.config: server.name %s is that of %s too; clients could not tell them apart, so give it another" $place $name (get $servers $name)) -}}
{{- end -}}
{{- $_ := set $servers $name $entry -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* (list root place entry) */}}
{{- define "mcp2.guards.entryName" -}}
{{- $root := index . 0 -}}
{{- $place := index . 1 -}}
{{- $name := include "mcp2.kebab" (index . 2) -}}
{{- if not (regexMatch "^[a-z][a-z0-9]*([A-Z][a-z0-9]*)*$" (index . 2)) -}}
{{- fail (printf "%s: the name of an entry must be camelCase, of letters and digits, for example petShop" $place) -}}
{{- end -}}
{{- $taken := regexSplit "\\s+" (include "mcp2.guards.takenNames" .) -1 -}}
{{- range $key, $traits := include "mcp2.traits" $root | fromYaml -}}{{- $taken = append $taken (include "mcp2.kebab" $key) -}}{{- end -}}
{{- if or (has $name $taken) (hasSuffix "-etcd" $name) -}}
{{- fail (printf "%s: %s-%s is the name of something else in this release; give the entry another" $place (include "mcp2.fullname" $root) $name) -}}
{{- end -}}
{{- $whole := printf "%s-%s" (include "mcp2.fullname" $root) $name -}}
{{- if gt (len $whole) 63 -}}
{{- fail (printf "%s: the name of its Service, %s, has %d characters, and 63 is the most that Kubernetes takes; give the entry a shorter one" $place $whole (len $whole)) -}}
{{- end -}}
{{- end -}}

{{/* (list place context) @returns the server's name. */}}
{{- define "mcp2.guards.configuration" -}}
{{- $place := index . 0 -}}
{{- $context := index . 1 -}}
{{- $values := $context.values -}}
{{- if empty $values.config -}}
{{- fail (printf "%s.config is missing: write the server's configuration there, or give its file with --set-file %s.config=FILE" $place $place) -}}
{{- end -}}
{{- $config := include "mcp2.configuration.parsed" $values | fromJson -}}
{{- if and $config.Error (not $config.server) -}}
{{- fail (printf "%s.config is no YAML: %s" $place $config.Error) -}}
{{- end -}}
{{- $server := ternary $config.server dict (kindIs "map" $config.server) -}}
{{- if not $server.name -}}
{{- fail (printf "%s.config: server.name is missing: clients find the server by it, for example InventoryDB_Primary" $place) -}}
{{- end -}}
{{- $reserved := include "mcp2.configuration.file" . -}}
{{- range $file, $_ := $values.modules -}}
{{- if or (eq $file $reserved) (hasKey $values.sql $file) -}}
{{- fail (printf "%s.modules: %s is the name of another file in the same folder; give it another" $place $file) -}}
{{- end -}}
{{- end -}}
{{- if and (or $config.events (include "mcp2.configuration.readsTopics" $config)) (not $values.token.secretName) (not $config.token) -}}
{{- fail (printf "%s.config has %s, for which the server needs a token that the event bus takes: set %s.token to {secretName, key} of a Secret whose token you renew; the token service will do this" $place (ternary "events" "telemetry of a topic" (not (empty $config.events))) $place) -}}
{{- end -}}
{{- include "mcp2.guards.onePod" (list $place $context $config) -}}
{{- include "mcp2.guards.modulesMemory" (list $place $values $config) -}}
{{- $server.name -}}
{{- end -}}

{{/* (list place context configuration) */}}
{{- define "mcp2.guards.onePod" -}}
{{- $place := index . 0 -}}
{{- $context := index . 1 -}}
{{- $replicas := $context.values.replicas | default 2 | int -}}
{{- if or $context.scalesByLoad (gt $replicas 1) -}}
{{- $pods := ternary "a number of pods that follows the load" (printf "%d pods" $replicas) $context.scalesByLoad -}}
{{- $remedy := printf "set %s.replicas to 1" $place -}}
{{- if $context.scalesByLoad -}}{{- $remedy = printf "set %s.replicas to 1 and %s.autoscaling.enabled to false" $place $place -}}{{- end -}}
{{- if include "mcp2.claim.name" $context -}}
{{- fail (printf "%s.persistence is the volume of one pod, and %s would use it: %s" $place $pods $remedy) -}}
{{- end -}}
{{- with include "mcp2.configuration.ownDatabases" (index . 2) | fromJsonArray -}}
{{- fail (printf "%s.config: %s would have a file of their own for the SQLite database %s, and what is written in one is not in the others: %s, or use PostgreSQL" $place $pods (first .) $remedy) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* (list place values configuration) 160 MiB are for the server itself. */}}
{{- define "mcp2.guards.modulesMemory" -}}
{{- $place := index . 0 -}}
{{- $limit := dig "limits" "memory" "" ((index . 1).resources | default dict) -}}
{{- $children := include "mcp2.configuration.childrenMiB" (index . 2) | int64 -}}
{{- $least := add 160 $children -}}
{{- with include "mcp2.mebibytes" $limit -}}
{{- if lt (int64 .) $least -}}
{{- fail (printf "%s.resources.limits.memory is %v, but the server needs 160Mi and other processes may use %dMi (processes x memory of each module's file, 120Mi for each SQLite file): set at least %dMi, or lower these" $place $limit $children $least) -}}
{{- end -}}
{{- end -}}
{{- end -}}
