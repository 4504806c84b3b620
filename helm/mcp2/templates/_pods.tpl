{{/* What all pods have in common, jobs and tests included. Pod Security "restricted" is not a value. */}}

{{- define "mcp2.podSecurityContext" -}}
runAsNonRoot: true
{{- with .Values.security }}
{{- if .runAsUser }}
runAsUser: {{ .runAsUser }}
{{- end }}
{{- if .runAsGroup }}
runAsGroup: {{ .runAsGroup }}
{{- end }}
{{- if .fsGroup }}
fsGroup: {{ .fsGroup }}
# A large volume is not walked at every start.
fsGroupChangePolicy: OnRootMismatch
{{- end }}
{{- end }}
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "mcp2.containerSecurityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities:
  drop: [ALL]
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{/* (list root values): where pods go. */}}
{{- define "mcp2.scheduling" -}}
{{- $values := index . 1 -}}
{{- with $values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
# Some clusters have nodes of another system without a taint.
nodeSelector:
  {{- merge (dict) ($values.nodeSelector | default dict) (dict "kubernetes.io/os" "linux") | toYaml | nindent 2 }}
{{- with $values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/*
(list root component values): values whose affinity, where none is given, keeps pods of one component on different nodes
if that can be. The soft spread constraints alone do not: the scheduler leaves nodes out of them that lack one of their
labels, and many clusters name no zones.
*/}}
{{- define "mcp2.apart" -}}
{{- $values := index . 2 -}}
{{- if $values.affinity }}
{{- toYaml $values.affinity }}
{{- else -}}
podAntiAffinity:
  preferredDuringSchedulingIgnoredDuringExecution:
    - weight: 100
      podAffinityTerm:
        topologyKey: kubernetes.io/hostname
        labelSelector:
          matchLabels:
            {{- include "mcp2.selectorLabels" (list (index . 0) (index . 1)) | nindent 12 }}
{{- end }}
{{- end -}}

{{/* (list root component values): labels and annotations of pods. */}}
{{- define "mcp2.podMetadata" -}}
{{- $root := index . 0 -}}
{{- $values := index . 2 -}}
labels:
  {{- include "mcp2.selectorLabels" (list $root (index . 1)) | nindent 2 }}
  app.kubernetes.io/part-of: mcp2
  {{- with $root.Values.commonLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
  {{- with $values.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with $values.podAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* A quantity of memory in MiB, rounded down; nothing for what is none. */}}
{{- define "mcp2.mebibytes" -}}
{{- $text := . -}}
{{- if kindIs "float64" . -}}{{- $text = printf "%.0f" . -}}{{- end -}}
{{- $text = toString $text -}}
{{- $number := regexFind "^[0-9]+([.][0-9]+)?" $text -}}
{{- $units := dict "" 1.0 "k" 1000.0 "M" 1000000.0 "G" 1000000000.0 "Ki" 1024.0 "Mi" 1048576.0 "Gi" 1073741824.0 "Ti" 1099511627776.0 -}}
{{- $unit := get $units (trimPrefix $number $text) -}}
{{- if and $number $unit -}}
{{- divf (mulf (float64 $number) $unit) 1048576.0 | floor | int64 -}}
{{- end -}}
{{- end -}}

{{/*
(list resources taken): the environment variable that bounds Node's heap to three quarters of the memory limit, of which
other processes take so many MiB; nothing without a limit. Node would otherwise size its heap by the node and be killed
instead of collecting garbage.
*/}}
{{- define "mcp2.heapEnv" -}}
{{- with dig "limits" "memory" "" (index . 0 | default dict) }}
{{- with include "mcp2.mebibytes" . }}
- name: NODE_OPTIONS
  value: --max-old-space-size={{ div (mul 3 (sub (int64 .) (int64 (index $ 1)))) 4 }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "mcp2.tmpVolume" -}}
- name: tmp
  emptyDir:
    sizeLimit: 64Mi
{{- end -}}

{{- define "mcp2.tmpMount" -}}
- name: tmp
  mountPath: /tmp
{{- end -}}

{{/* (list name secret): Secrets are readable by the group that owns the volume, and nobody else. */}}
{{- define "mcp2.secretVolume" -}}
- name: {{ index . 0 }}
  secret:
    secretName: {{ index . 1 }}
    defaultMode: 288 # 0440
{{- end -}}

{{- define "mcp2.mount" -}}
- name: {{ index . 0 }}
  mountPath: {{ index . 1 }}
  readOnly: true
{{- end -}}

{{/* (list root component persistence): fields of a StatefulSet that give each pod a volume "data"; none where it is off. */}}
{{- define "mcp2.claims" -}}
{{- $persistence := index . 2 -}}
{{- if and $persistence.enabled (not $persistence.existingClaim) -}}
persistentVolumeClaimRetentionPolicy:
  whenDeleted: {{ $persistence.whenDeleted }}
  whenScaled: Retain
volumeClaimTemplates:
  - metadata:
      name: data
      labels:
        {{- include "mcp2.selectorLabels" (list (index . 0) (index . 1)) | nindent 8 }}
      {{- with $persistence.annotations }}
      annotations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
    spec:
      accessModes: [ReadWriteOnce]
      {{- with $persistence.storageClassName }}
      storageClassName: {{ . }}
      {{- end }}
      resources:
        requests: {storage: {{ $persistence.size }}}
{{- end -}}
{{- end -}}

{{/* persistence: what stands in for such a volume where it is off, or where there is one already. */}}
{{- define "mcp2.claimSubstitute" -}}
{{- if not .enabled -}}
- name: data
  emptyDir: {}
{{- else if .existingClaim -}}
- name: data
  persistentVolumeClaim: {claimName: {{ .existingClaim }}}
{{- end -}}
{{- end -}}
