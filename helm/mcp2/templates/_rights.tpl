{{/*
dict root component name rules [namespace] [annotations]: a role for the ServiceAccount of that name and its binding, in one
namespace, or in all where none is named. Outside of the release's own the names carry the release's.
*/}}
{{- define "mcp2.grant" -}}
{{- $own := include "mcp2.namespace" .root -}}
{{- $rbac := "rbac.authorization.k8s.io" -}}
{{- $kind := ternary "Role" "ClusterRole" (hasKey . "namespace") -}}
{{- $name := .name -}}
{{- if ne (.namespace | default "") $own }}{{ $name = printf "%s:%s" .name $own }}{{ end -}}
{{- $metadata := include "mcp2.labelsAndAnnotations" (list .root .component (.annotations | default dict)) -}}
---
apiVersion: {{ $rbac }}/v1
kind: {{ $kind }}
metadata:
  name: {{ $name }}
  {{- with .namespace }}
  namespace: {{ . }}
  {{- end }}
  {{- $metadata | nindent 2 }}
rules:
  {{- .rules | nindent 2 }}
---
apiVersion: {{ $rbac }}/v1
kind: {{ $kind }}Binding
metadata:
  name: {{ $name }}
  {{- with .namespace }}
  namespace: {{ . }}
  {{- end }}
  {{- $metadata | nindent 2 }}
roleRef: {apiGroup: {{ $rbac }}, kind: {{ $kind }}, name: {{ $name | quote }}}
subjects: [{kind: ServiceAccount, name: {{ .name }}, namespace: {{ $own }}}]
{{- end -}}
