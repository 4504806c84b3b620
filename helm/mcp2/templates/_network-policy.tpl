{{/*
Rules of the allow matrix (docs/network-policy.md). Everything that is not named here is denied, in both directions, by
the policy "default-deny".
*/}}

{{- define "mcp2.component.networkPolicy" -}}
{{- $values := .values.networkPolicy -}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  {{- include "mcp2.metadata" (list .root .component .name dict) | nindent 2 }}
spec:
  podSelector:
    matchLabels:
      {{- include "mcp2.selectorLabels" (list .root .component) | nindent 6 }}
  policyTypes: [Ingress, Egress]
  ingress:
    {{- if .traits.port }}
    - ports: [{port: {{ .traits.port }}, protocol: TCP}]
      {{- with $values.from }}
      from:
        {{- toYaml . | nindent 8 }}
        # The operator's handshakes and helm test.
        - podSelector:
            matchLabels:
              {{- include "mcp2.selectorLabels" (list $.root "") | nindent 14 }}
      {{- end }}
    {{- end }}
    {{- include "mcp2.ingressMetrics" (list .root 9090) | nindent 4 }}
    {{- with $values.extraIngress }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  egress:
    {{- include "mcp2.egressDns" .root | nindent 4 }}
    {{- if .traits.store }}
    {{- include "mcp2.egressStore" .root | nindent 4 }}
    {{- end }}
    {{- if .traits.api }}
    {{- include "mcp2.egressApiServer" .root | nindent 4 }}
    {{- end }}
    {{- range .traits.calls }}
    {{- include "mcp2.egressCall" (list $.root .) | nindent 4 }}
    {{- end }}
    {{- with $values.extraEgress }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end -}}

{{/* (list root port) */}}
{{- define "mcp2.ingressMetrics" -}}
{{- with (index . 0).Values.networkPolicy.metricsFrom -}}
- ports: [{port: {{ index $ 1 }}, protocol: TCP}]
  from:
    {{- toYaml . | nindent 4 }}
{{- end }}
{{- end -}}

{{- define "mcp2.egressDns" -}}
{{- with .Values.networkPolicy.dns -}}
- ports:
    {{- range .ports }}
    - {port: {{ . }}, protocol: UDP}
    - {port: {{ . }}, protocol: TCP}
    {{- end }}
  {{- with .to }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}
{{- end -}}

{{- define "mcp2.egressApiServer" -}}
{{ include "mcp2.egressTo" .Values.networkPolicy.apiServer }}
{{- end -}}

{{/* (dict "cidrs" list "ports" list) */}}
{{- define "mcp2.egressTo" -}}
- ports:
    {{- range .ports }}
    - {port: {{ . }}, protocol: TCP}
    {{- end }}
  to:
    {{- range .cidrs }}
    - ipBlock: {cidr: {{ . | quote }}}
    {{- end }}
{{- end -}}

{{- define "mcp2.egressStore" -}}
{{- if eq .Values.etcd.mode "external" -}}
{{ include "mcp2.egressTo" .Values.networkPolicy.externalEtcd }}
{{- else -}}
- ports: [{port: 2379, protocol: TCP}]
  to:
    - podSelector:
        matchLabels:
          {{- include "mcp2.selectorLabels" (list . "etcd") | nindent 10 }}
{{- end -}}
{{- end -}}

{{/* (list root key): to a component of this release, or to "servers". */}}
{{- define "mcp2.egressCall" -}}
{{- $root := index . 0 -}}
{{- $key := index . 1 -}}
{{- if eq $key "servers" -}}
{{ include "mcp2.egressServers" $root }}
{{- else if (get $root.Values $key).enabled -}}
- ports: [{port: {{ (get (include "mcp2.traits" $root | fromYaml) $key).port }}, protocol: TCP}]
  to:
    - podSelector:
        matchLabels:
          {{- include "mcp2.selectorLabels" (list $root (kebabcase $key)) | nindent 10 }}
{{- end -}}
{{- end -}}

{{- define "mcp2.egressServers" -}}
{{- with .Values.networkPolicy.servers -}}
- to:
    {{- toYaml .to | nindent 4 }}
  {{- with .ports }}
  ports:
    {{- range . }}
    - {port: {{ . }}, protocol: TCP}
    {{- end }}
  {{- end }}
{{- end }}
{{- end -}}
