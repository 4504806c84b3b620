{{/*
Components with the trait `log` or `schemas`: a log of events in the volume of the only pod, and which payloads topics allow.
*/}}

{{- define "mcp2.schemas.folder" -}}
/etc/mcp2/schemas
{{- end -}}

{{- define "mcp2.schemas.file" -}}
schemas.yaml
{{- end -}}

{{/* "true" where there are some. */}}
{{- define "mcp2.schemas.isThere" -}}
{{- if .traits.schemas -}}{{- if .values.schemas -}}true{{- end -}}{{- end -}}
{{- end -}}

{{- define "mcp2.schemas.name" -}}
{{ .name }}-schemas
{{- end -}}

{{/* (values): text by name of the file, as JSON: the list of schemas, and each of them. */}}
{{- define "mcp2.schemas.files" -}}
{{- $list := list -}}
{{- $files := dict -}}
{{- range $i, $entry := .schemas -}}
{{- $file := printf "schema-%d.json" $i -}}
{{- $list = append $list (dict "topics" $entry.topics "file" $file) -}}
{{- $_ := set $files $file (ternary $entry.schema (toPrettyJson $entry.schema) (kindIs "string" $entry.schema)) -}}
{{- end -}}
{{- set $files (include "mcp2.schemas.file" .) (toYaml (dict "schemas" $list)) | toJson -}}
{{- end -}}

{{- define "mcp2.schemas.object" -}}
---
apiVersion: v1
kind: ConfigMap
metadata:
  {{- include "mcp2.metadata" (list .root .component (include "mcp2.schemas.name" .) dict) | nindent 2 }}
data:
  {{- include "mcp2.schemas.files" .values | fromJson | toYaml | nindent 2 }}
{{- end -}}

{{/* (values): MiB beside Node's heap: the newest events, and what the two threads that read and write the log hold. */}}
{{- define "mcp2.eventLog.memoryMiB" -}}
{{- add 192 (div (.settings.tailBytes | default 67108864 | int64) 1048576) -}}
{{- end -}}

{{/* "true" while something is done to the log that needs it to itself. */}}
{{- define "mcp2.eventLog.isRepaired" -}}
{{- if .traits.log -}}{{- if or .values.repair.restore .values.repair.acceptLoss -}}true{{- end -}}{{- end -}}
{{- end -}}

{{/* (list key values traits) */}}
{{- define "mcp2.guards.eventLog" -}}
{{- $key := index . 0 -}}
{{- $values := index . 1 -}}
{{- include "mcp2.guards.oneLog" (list $key $values) -}}
{{- $persistence := $values.persistence -}}
{{- $repair := $values.repair -}}
{{- if and $repair.restore $repair.acceptLoss -}}
{{- fail (printf "%s.repair.restore and %s.repair.acceptLoss are both set: a log that is restored lacks nothing; set one of them" $key $key) -}}
{{- end -}}
{{- if not $persistence.enabled -}}
{{- if or $repair.restore $repair.acceptLoss -}}
{{- fail (printf "%s.repair needs %s.persistence.enabled: what is repaired must outlive the job" $key $key) -}}
{{- end -}}
{{- if $values.backup.enabled -}}
{{- fail (printf "%s.backup needs %s.persistence.enabled: a folder of one pod cannot be read from another" $key $key) -}}
{{- end -}}
{{- else if not $persistence.existingClaim -}}
{{- include "mcp2.guards.logSize" (list $key $values) -}}
{{- end -}}
{{- end -}}

{{/* (list key values): two pods would have a log each. */}}
{{- define "mcp2.guards.oneLog" -}}
{{- $key := index . 0 -}}
{{- $values := index . 1 -}}
{{- $replicas := $values.replicas | default 2 | int -}}
{{- $remedy := printf "set %s.replicas to 1" $key -}}
{{- if $values.autoscaling.enabled -}}
{{- fail (printf "%s.autoscaling: the log is embedded in one pod, and what is published to another would not be in it: %s and %s.autoscaling.enabled to false" $key $remedy $key) -}}
{{- end -}}
{{- if gt $replicas 1 -}}
{{- fail (printf "%s.replicas would be %d: the log is embedded in one pod, and what is published to another would not be in it: %s" $key $replicas $remedy) -}}
{{- end -}}
{{- end -}}

{{/*
(list key values): what a delete frees is used again only after the next commit, the write-ahead log lies beside the data, and
below a reserve nothing is published.
*/}}
{{- define "mcp2.guards.logSize" -}}
{{- $key := index . 0 -}}
{{- $values := index . 1 -}}
{{- $size := include "mcp2.mebibytes" $values.persistence.size | default "0" | int64 -}}
{{- $bytes := int64 $values.log.retentionBytes -}}
{{- $least := div (add (mul 3 $bytes) 2097151) 2097152 -}}
{{- if lt $size $least -}}
{{- fail (printf "%s.persistence.size is %s, but %s.log.retentionBytes is %d (%dMi), and the volume must hold 1.5 times as much, %dMi: make it larger, or keep fewer bytes" $key $values.persistence.size $key $bytes (div $bytes 1048576) $least) -}}
{{- end -}}
{{- end -}}

{{/* (list root key): the claim of backups. */}}
{{- define "mcp2.eventLog.backupClaim" -}}
{{- $values := include "mcp2.componentValues" . | fromJson -}}
{{ $values.backup.existingClaim | default (printf "%s-bus-backups" (include "mcp2.fullname" (index . 0))) }}
{{- end -}}

{{/* dict root key values traits name command args backups isReadOnly: a container of `mcp2 bus` on the log. */}}
{{- define "mcp2.eventLog.container" -}}
image: {{ include "mcp2.image" (list .root .root.Values.image .values.image) }}
imagePullPolicy: {{ .values.image.pullPolicy | default .root.Values.image.pullPolicy }}
args: {{ toJson .args }}
env:
  - {name: {{ .traits.volume }}, value: {{ include "mcp2.component.dataFolder" . }}}
  - {name: MCP2_SNAPSHOT_FOLDER, value: /backups}
  - {name: MCP2_SNAPSHOT_KEEP, value: {{ .values.backup.keep | quote }}}
  - name: POD_NAME
    valueFrom: {fieldRef: {fieldPath: metadata.name}}
  {{- include "mcp2.heapEnv" (list .root.Values.setup.resources 0) | nindent 2 }}
{{- with .root.Values.setup.resources }}
resources:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  {{- include "mcp2.containerSecurityContext" . | nindent 2 }}
volumeMounts:
  {{- include "mcp2.tmpMount" . | nindent 2 }}
  {{- if has "data" .volumes }}
  - name: data
    mountPath: {{ include "mcp2.component.volumeFolder" . }}
  {{- end }}
  {{- if has "backups" .volumes }}
  - name: backups
    mountPath: /backups
  {{- end }}
{{- end -}}

{{/* dict root values name volumes affinity: what a pod that works on the log has beside its containers. */}}
{{- define "mcp2.eventLog.pod" -}}
restartPolicy: Never
serviceAccountName: {{ .name }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- include "mcp2.imagePullSecrets" .root }}
securityContext:
  {{- include "mcp2.podSecurityContext" .root | nindent 2 }}
{{- include "mcp2.scheduling" (list .root (merge (dict "affinity" .affinity) .values)) }}
volumes:
  {{- include "mcp2.tmpVolume" . | nindent 2 }}
  {{- if has "data" .volumes }}
  - name: data
    persistentVolumeClaim: {claimName: {{ .values.persistence.existingClaim | default (printf "data-%s-0" .name) }}}
  {{- end }}
  {{- if has "backups" .volumes }}
  - name: backups
    persistentVolumeClaim: {claimName: {{ include "mcp2.eventLog.backupClaim" (list .root .key) }}}
  {{- end }}
{{- end -}}

{{/* (context): the pod that writes a backup of the running log and removes the oldest. */}}
{{- define "mcp2.eventLog.backupPod" -}}
{{- $own := dict "volumes" (list "data" "backups") -}}
{{- $backups := dict "volumes" (list "backups") -}}
{{- /* A volume is one node's at a time: this pod shares it with that of the bus, and waits where there is none. */ -}}
{{- $beside := dict "labelSelector" (dict "matchLabels" (include "mcp2.selectorLabels" (list .root .component) | fromYaml)) "topologyKey" "kubernetes.io/hostname" -}}
{{- $affinity := dict "podAffinity" (dict "requiredDuringSchedulingIgnoredDuringExecution" (list $beside)) -}}
metadata:
  {{- include "mcp2.podMetadata" (list .root (include "mcp2.eventLog.maintenance" .) .values) | nindent 2 }}
spec:
  {{- include "mcp2.eventLog.pod" (merge (dict "affinity" $affinity) $own .) | nindent 2 }}
  initContainers:
    # What a job that was interrupted left would take the room of this one.
    - name: tidy
      {{- include "mcp2.eventLog.container" (merge (dict "args" (list "etcd" "prune")) $backups .) | nindent 6 }}
    # The pod's name ends in the minute of the schedule and five letters: no two are alike.
    - name: save
      {{- include "mcp2.eventLog.container" (merge (dict "args" (list "bus" "backup" "/backups/$(POD_NAME).db")) $own .) | nindent 6 }}
  containers:
    - name: prune
      {{- include "mcp2.eventLog.container" (merge (dict "args" (list "etcd" "prune")) $backups .) | nindent 6 }}
{{- end -}}

{{/* What the pods are labelled with that work on its log. */}}
{{- define "mcp2.eventLog.maintenance" -}}
{{ .component }}-maintenance
{{- end -}}
