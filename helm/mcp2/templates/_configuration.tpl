{{/*
Components with the trait `configuration` or `claim`: files that the values hold, Secrets of yours, and a volume for the only
pod. What is wrong in a configuration the process says; here is what it cannot know, since it sees one pod.
*/}}

{{- define "mcp2.configuration.folder" -}}
/etc/mcp2/config
{{- end -}}

{{- define "mcp2.configuration.file" -}}
server.yaml
{{- end -}}

{{/* (values): text by name of the file, as JSON. */}}
{{- define "mcp2.configuration.files" -}}
{{- $files := dict (include "mcp2.configuration.file" .) (ternary .config (toYaml .config) (kindIs "string" .config)) -}}
{{- merge $files .modules .sql | toJson -}}
{{- end -}}

{{/* (values): the configuration as JSON, whether it was written as text or as a map. */}}
{{- define "mcp2.configuration.parsed" -}}
{{- if kindIs "string" .config -}}{{ fromYaml .config | toJson }}{{- else -}}{{ toJson .config }}{{- end -}}
{{- end -}}

{{- define "mcp2.configuration.object" -}}
---
apiVersion: v1
kind: ConfigMap
metadata:
  {{- include "mcp2.metadata" (list .root .component .name dict) | nindent 2 }}
data:
  {{- include "mcp2.configuration.files" .values | fromJson | toYaml | nindent 2 }}
{{- end -}}

{{- define "mcp2.configuration.mounts" -}}
{{ include "mcp2.mount" (list "config" (include "mcp2.configuration.folder" .)) }}
{{- range $name, $_ := .values.secrets }}
{{ include "mcp2.mount" (list (printf "secret-%s" $name) (printf "/etc/mcp2/secrets/%s" $name)) }}
{{- end }}
{{- if .values.token.secretName }}
{{ include "mcp2.mount" (list "token" "/var/run/mcp2") }}
{{- end }}
{{- end -}}

{{- define "mcp2.configuration.volumes" -}}
- name: config
  configMap: {name: {{ .name }}}
{{- range $name, $secret := .values.secrets }}
{{ include "mcp2.secretVolume" (list (printf "secret-%s" $name) $secret) }}
{{- end }}
{{- with .values.token }}
{{- if .secretName }}
{{ include "mcp2.secretVolume" (list "token" .secretName) }}
    items: [{key: {{ .key | quote }}, path: token}]
{{- end }}
{{- end }}
{{- end -}}

{{/*
(configuration): MiB that other processes than the server's may use together: those of its modules, of each file those with the
largest share, and three for each SQLite file, 40 MiB each.
*/}}
{{- define "mcp2.configuration.childrenMiB" -}}
{{- $byFile := dict -}}
{{- if kindIs "slice" .tools -}}
{{- range .tools -}}
{{- $module := dict -}}
{{- if kindIs "map" . -}}{{- if kindIs "map" .module -}}{{- $module = .module -}}{{- end -}}{{- end -}}
{{- if $module.file -}}
{{- $budget := include "mcp2.mebibytes" ($module.memory | default "128Mi") | default "0" | int64 -}}
{{- $share := mul ($module.processes | default 2 | int64) $budget -}}
{{- $file := toString $module.file -}}
{{- $_ := set $byFile $file (max $share (get $byFile $file | default 0 | int64)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $sum := 0 -}}
{{- if kindIs "map" .databases -}}
{{- range .databases -}}{{- if kindIs "map" . -}}{{- if .sqlite -}}{{- $sum = add $sum 120 -}}{{- end -}}{{- end -}}{{- end -}}
{{- end -}}
{{- range $byFile -}}{{- $sum = add $sum . -}}{{- end -}}
{{- $sum -}}
{{- end -}}

{{/* (configuration): names of the SQLite databases that two pods must not have one each of, as a JSON list: what one writes the other never sees. */}}
{{- define "mcp2.configuration.ownDatabases" -}}
{{- $names := list -}}
{{- $tools := ternary .tools list (kindIs "slice" .tools) -}}
{{- if kindIs "map" .databases -}}
{{- range $name, $database := .databases -}}
{{- if kindIs "map" $database -}}{{- if kindIs "map" $database.sqlite -}}
{{- $isOwn := not (empty $database.sqlite.init) -}}
{{- range $tools -}}
{{- if kindIs "map" . -}}{{- if kindIs "map" .statement -}}
{{- if eq (toString .statement.database) $name -}}{{- $isOwn = true -}}{{- end -}}
{{- end -}}{{- end -}}
{{- end -}}
{{- if $isOwn -}}{{- $names = append $names $name -}}{{- end -}}
{{- end -}}{{- end -}}
{{- end -}}
{{- end -}}
{{- toJson $names -}}
{{- end -}}

{{/* (configuration): "true" where it names a SQLite database. */}}
{{- define "mcp2.configuration.usesSqlite" -}}
{{- $uses := false -}}
{{- if kindIs "map" .databases -}}
{{- range .databases -}}{{- if kindIs "map" . -}}{{- if .sqlite -}}{{- $uses = true -}}{{- end -}}{{- end -}}{{- end -}}
{{- end -}}
{{- if $uses -}}true{{- end -}}
{{- end -}}

{{/* (configuration): "true" where a stream of telemetry is a topic of the event bus. */}}
{{- define "mcp2.configuration.readsTopics" -}}
{{- $reads := false -}}
{{- if kindIs "slice" .telemetry -}}
{{- range .telemetry -}}{{- if kindIs "map" . -}}{{- if .topic -}}{{- $reads = true -}}{{- end -}}{{- end -}}{{- end -}}
{{- end -}}
{{- if $reads -}}true{{- end -}}
{{- end -}}

{{/* (values): "true" where they want a claim; else the folder ends with the pod. */}}
{{- define "mcp2.claim.isThere" -}}
{{- if or .persistence.existingClaim .persistence.size -}}true{{- end -}}
{{- end -}}

{{/* The claim that the pod uses, or nothing. */}}
{{- define "mcp2.claim.name" -}}
{{- if .traits.claim -}}
{{- if include "mcp2.claim.isThere" .values -}}{{ .values.persistence.existingClaim | default .name }}{{- end -}}
{{- end -}}
{{- end -}}

{{/* "true" where the chart makes it. */}}
{{- define "mcp2.claim.isMade" -}}
{{- if and (include "mcp2.claim.name" .) (not .values.persistence.existingClaim) -}}true{{- end -}}
{{- end -}}

{{- define "mcp2.claim.object" -}}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  {{- /* Nobody asked for the data to go when the release does. */}}
  {{- include "mcp2.metadata" (list .root .component .name (dict "helm.sh/resource-policy" "keep")) | nindent 2 }}
spec:
  accessModes: [ReadWriteOnce]
  {{- with .values.persistence.storageClass }}
  storageClassName: {{ . }}
  {{- end }}
  resources:
    requests: {storage: {{ .values.persistence.size }}}
{{- end -}}

{{- define "mcp2.claim.volume" -}}
- name: data
  {{- with include "mcp2.claim.name" . }}
  persistentVolumeClaim: {claimName: {{ . }}}
  {{- else }}
  emptyDir: {}
  {{- end }}
{{- end -}}

{{/* The entries of contextTool.sample, as JSON: what examples/inventory is for a cluster. */}}
{{- define "mcp2.sample" -}}
{{- $modules := dict -}}
{{- range $path, $_ := .Files.Glob "files/inventory/*.mjs" -}}{{- $_ := set $modules (base $path) ($.Files.Get $path) -}}{{- end -}}
{{- $sql := dict -}}
{{- range $path, $_ := .Files.Glob "files/inventory/*.sql" -}}{{- $_ := set $sql (base $path) ($.Files.Get $path) -}}{{- end -}}
{{- $inventory := .Files.Get "files/inventory/inventory.yaml" -}}
{{- /* A relative file is for `mcp2 up`, which has a folder of its own for it. */ -}}
{{- $inventory = regexReplaceAll "(sqlite:\\s*[{]?\\s*file: )([^/ ])" $inventory (printf "${1}%s/${2}" (include "mcp2.component.volumeFolder" .)) -}}
{{- dict
      "inventory" (dict "config" $inventory "sql" $sql "replicas" 1)
      "pricing" (dict "config" (.Files.Get "files/inventory/pricing.yaml") "modules" $modules) | toJson -}}
{{- end -}}
