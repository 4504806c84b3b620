{{/* What is scraped and watched: see templates/monitoring-*.yaml and files/alerts.yaml. */}}

{{/* (list root what kind): fails where the cluster does not know the kind; GitOps tools pass what it knows along. */}}
{{- define "mcp2.monitoring.require" -}}
{{- $kind := index . 2 -}}
{{- if not ((index . 0).Capabilities.APIVersions.Has (printf "monitoring.coreos.com/v1/%s" $kind)) -}}
{{- fail (printf "monitoring.%s.enabled needs the kind %s, which this cluster does not know. Install the Prometheus operator first, or set it to false. (helm template: --api-versions monitoring.coreos.com/v1/%s)" (index . 1) $kind $kind) -}}
{{- end -}}
{{- end -}}

{{/* The components that have metrics and the name of the port where they answer. */}}
{{- define "mcp2.monitoring.targets" -}}
{{- range include "mcp2.instances" . | fromJsonArray }}
{{ .name }}: ops
{{- end }}
{{- if eq .Values.etcd.mode "bundled" }}
etcd: metrics
{{- end }}
{{- end -}}

{{/* Groups of files/alerts.yaml that are about something installed, as a JSON list. */}}
{{- define "mcp2.monitoring.groups" -}}
{{- $groups := concat (list "processes") (include "mcp2.monitoring.targets" . | fromYaml | keys) -}}
{{- range include "mcp2.instances" . | fromJsonArray -}}{{- $groups = append $groups (include "mcp2.kebab" .key) -}}{{- end -}}
{{- uniq $groups | toJson -}}
{{- end -}}

{{/* (list root text): an expression or a sentence of files/alerts.yaml with this release's labels in place of the marks. */}}
{{- define "mcp2.monitoring.resolve" -}}
{{- $root := index . 0 -}}
{{- $text := index . 1 -}}
{{- $fullname := include "mcp2.fullname" $root -}}
{{- $namespace := printf "namespace=%q" (include "mcp2.namespace" $root) -}}
{{- range $key := append (include "mcp2.traits" $root | fromYaml | keys) "etcd" -}}
{{- $labels := printf "{job=%q,%s" (printf "%s-%s" $fullname (include "mcp2.kebab" $key)) $namespace -}}
{{- if dig $key "entries" "" (include "mcp2.traits" $root | fromYaml) -}}
{{- $names := include "mcp2.namesOf" (list $root $key) | fromJsonArray | join "|" -}}
{{- $labels = printf "{job=~%q,%s" (printf "%s-(%s)" $fullname $names) $namespace -}}
{{- end -}}
{{- /* With what follows it: the name of one may begin like that of another. */ -}}
{{- range $end := list "}" "," -}}
{{- $text = $text | replace (printf "{@%s%s" (include "mcp2.kebab" $key) $end) (print $labels $end) -}}
{{- end -}}
{{- end -}}
{{- $targets := include "mcp2.monitoring.targets" $root | fromYaml | keys | sortAlpha | join "|" -}}
{{- $text = $text | replace "{@all" (printf "{job=~%q,%s" (printf "%s-(%s)" $fullname $targets) $namespace) -}}
{{- $log := (include "mcp2.section" (list $root "eventBus") | fromJson).log | default dict -}}
{{- $text | replace "@event-log-bytes" (toString (int64 $log.retentionBytes)) | replace "@etcd-members" (toString $root.Values.etcd.replicas) | replace "@certificate-late" (include "mcp2.monitoring.certificateLate" $root) -}}
{{- end -}}

{{/* Seconds: two weeks, but half of the time for renewal where that is shorter, or every renewal would be an alert. */}}
{{- define "mcp2.monitoring.certificateLate" -}}
{{- $twoWeeks := 1209600 -}}
{{- $halfOfRenewal := mul 1800 (trimSuffix "h" .Values.tls.renewBefore | int) -}}
{{- ternary $twoWeeks (min $twoWeeks $halfOfRenewal) (eq .Values.tls.mode "existingSecret") -}}
{{- end -}}

{{/* (list root rule): one alert. */}}
{{- define "mcp2.monitoring.alert" -}}
{{- $root := index . 0 -}}
{{- $rules := $root.Values.monitoring.rules -}}
{{- with index . 1 -}}
alert: {{ .alert }}
expr: {{ include "mcp2.monitoring.resolve" (list $root .expr) | quote }}
{{- with .for }}
for: {{ . }}
{{- end }}
labels:
  {{- toYaml (merge (dict "severity" .severity) $rules.alertLabels) | nindent 2 }}
annotations:
  summary: {{ .summary | quote }}
  description: {{ include "mcp2.monitoring.resolve" (list $root .description) | quote }}
  runbook_url: {{ printf "%s/%s.md" (trimSuffix "/" $rules.runbookUrl) .runbook | quote }}
{{- end -}}
{{- end -}}

{{/* (list root component name namespace labels annotations): metadata with the labels by which others find the object. */}}
{{- define "mcp2.monitoring.metadata" -}}
{{- $root := index . 0 -}}
name: {{ index . 2 }}
namespace: {{ index . 3 | default (include "mcp2.namespace" $root) }}
labels:
  {{- include "mcp2.labels" (list $root (index . 1)) | nindent 2 }}
  {{- with index . 4 }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with merge (dict) (index . 5) $root.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}
