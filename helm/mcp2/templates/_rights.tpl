{{/*
Rights in the API server that a component's trait `api` lists: everywhere, unless its setting `namespaces` says where it
works. Then all that is left of them outside of these and the release's own is `cluster`.
*/}}
{{- define "mcp2.component.rights" -}}
{{- $api := .traits.api -}}
{{- $namespace := include "mcp2.namespace" .root -}}
{{- $namespaces := dig "settings" "namespaces" list .values -}}
{{- $work := concat ($api.work | default list) ($api.workAndOwn | default list) -}}
{{- $own := $api.own | default list -}}
{{- $cluster := $api.cluster | default list -}}
{{- if not $namespaces -}}
{{- $cluster = concat $work $cluster -}}
{{- else if has $namespace $namespaces -}}
{{- $own = concat $own $work -}}
{{- else -}}
{{- $own = concat $own ($api.workAndOwn | default list) -}}
{{- end -}}
{{- $grant := dict "root" .root "component" .component "name" .name -}}
{{- range without $namespaces $namespace }}
{{ include "mcp2.grant" (merge (dict "namespace" . "rules" (toYaml $work)) $grant) }}
{{- end }}
{{- with $cluster }}
{{ include "mcp2.grant" (merge (dict "rules" (toYaml .)) $grant) }}
{{- end }}
{{- with $own }}
{{ include "mcp2.grant" (merge (dict "namespace" $namespace "rules" (toYaml .)) $grant) }}
{{- end }}
{{- end -}}

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
