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
    {{- include "mcp2.egressCall" (list $ .) | nindent 4 }}
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

{{/* (list context key): to a component of this release, to "servers" or to "backends". */}}
{{- define "mcp2.egressCall" -}}
{{- $root := (index . 0).root -}}
{{- $key := index . 1 -}}
{{- if eq $key "servers" -}}
{{ include "mcp2.egressAnywhere" $root.Values.networkPolicy.servers }}
{{- else if eq $key "backends" -}}
{{ include "mcp2.egressAnywhere" (index . 0).values.networkPolicy.backends }}
{{- else -}}
{{- with include "mcp2.namesOf" (list $root $key) | fromJsonArray -}}
- ports: [{port: {{ (get (include "mcp2.traits" $root | fromYaml) $key).port }}, protocol: TCP}]
  to:
    {{- range . }}
    - podSelector:
        matchLabels:
          {{- include "mcp2.selectorLabels" (list $root .) | nindent 10 }}
    {{- end }}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* dict to ports: peers that are not of this release; nobody where there are none. */}}
{{- define "mcp2.egressAnywhere" -}}
{{- if .to -}}
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
