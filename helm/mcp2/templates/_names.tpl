{{/* Names and labels of every object. Selectors never hold a version: they cannot be changed later. */}}

{{/* At most 40 characters: the longest name made from it, that of a CronJob, may have 52. */}}
{{- define "mcp2.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else if contains "mcp2" .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-mcp2" (.Release.Name | trunc 35 | trimSuffix "-") -}}
{{- end -}}
{{- end -}}

{{- define "mcp2.namespace" -}}
{{- .Values.namespaceOverride | default .Release.Namespace -}}
{{- end -}}

{{/* (list root component): what selects the pods of a component. */}}
{{- define "mcp2.selectorLabels" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ $root.Values.nameOverride | default "mcp2" }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
{{- with index . 1 }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end -}}

{{/* (list root component): labels of an object. */}}
{{- define "mcp2.labels" -}}
{{- $root := index . 0 -}}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
app.kubernetes.io/part-of: mcp2
{{ include "mcp2.selectorLabels" . }}
{{- with $root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* (list root component name annotations): the metadata of a namespaced object. */}}
{{- define "mcp2.metadata" -}}
{{- $root := index . 0 -}}
name: {{ index . 2 }}
namespace: {{ include "mcp2.namespace" $root }}
{{ include "mcp2.labelsAndAnnotations" (list $root (index . 1) (index . 3)) }}
{{- end -}}

{{/* (list root component name annotations): the same of a cluster-scoped object; its name carries the namespace. */}}
{{- define "mcp2.clusterMetadata" -}}
{{- $root := index . 0 -}}
name: {{ printf "%s:%s" (index . 2) (include "mcp2.namespace" $root) }}
{{ include "mcp2.labelsAndAnnotations" (list $root (index . 1) (index . 3)) }}
{{- end -}}

{{- define "mcp2.labelsAndAnnotations" -}}
{{- $root := index . 0 -}}
labels:
  {{- include "mcp2.labels" (list $root (index . 1)) | nindent 2 }}
{{- with merge (dict) (index . 2) $root.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* "eventBus" as a name: event-bus. Not sprig's kebabcase, which makes a word of each digit. */}}
{{- define "mcp2.kebab" -}}
{{- regexReplaceAll "([A-Z])" . "-${1}" | lower -}}
{{- end -}}

{{/* "event-bus" as a key of the values: eventBus. */}}
{{- define "mcp2.camelCase" -}}
{{- camelcase (replace "-" "_" .) | untitle -}}
{{- end -}}

{{/* (list root what): the Secret with a certificate, for example "registry" or "registry-etcd". */}}
{{- define "mcp2.certificateSecret" -}}
{{- $root := index . 0 -}}
{{- $own := "" -}}
{{- if eq $root.Values.tls.mode "existingSecret" -}}
{{- $own = get $root.Values.tls.existingSecrets (include "mcp2.camelCase" (index . 1)) -}}
{{- end -}}
{{- $own | default (printf "%s-%s-tls" (include "mcp2.fullname" $root) (index . 1)) -}}
{{- end -}}

{{/* (list root component): the Secret with the component's access to etcd. */}}
{{- define "mcp2.storeSecret" -}}
{{- $root := index . 0 -}}
{{- with $root.Values.etcd -}}
{{- if eq .mode "bundled" -}}
{{- include "mcp2.certificateSecret" (list $root (printf "%s-etcd" (index $ 1))) -}}
{{- else -}}
{{- get .external (printf "%sSecret" (include "mcp2.camelCase" (index $ 1))) | default .external.existingSecret -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "mcp2.etcdEndpoints" -}}
{{- if eq .Values.etcd.mode "external" -}}
{{- join "," .Values.etcd.external.endpoints -}}
{{- else -}}
{{- $peers := printf "%s-etcd-peers.%s.svc" (include "mcp2.fullname" .) (include "mcp2.namespace" .) -}}
{{- range $i := until (int .Values.etcd.replicas) -}}
{{- if $i }},{{ end }}https://{{ include "mcp2.fullname" $ }}-etcd-{{ $i }}.{{ $peers }}:2379
{{- end -}}
{{- end -}}
{{- end -}}
