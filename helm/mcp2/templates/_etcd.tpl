{{/* The bundled etcd. Its image has no shell, so what differs between members is worked out by the product's own image. */}}

{{- define "mcp2.etcd.name" -}}
{{ include "mcp2.fullname" . }}-etcd
{{- end -}}

{{/* host of one member; its pod's name as argument */}}
{{- define "mcp2.etcd.host" -}}
{{- $root := index . 0 -}}
{{ index . 1 }}.{{ include "mcp2.etcd.name" $root }}-peers.{{ include "mcp2.namespace" $root }}.svc
{{- end -}}

{{- define "mcp2.etcd.initialCluster" -}}
{{- $name := include "mcp2.etcd.name" . -}}
{{- range $i := until (int .Values.etcd.replicas) -}}
{{- $member := printf "%s-%d" $name $i -}}
{{- if $i }},{{ end }}{{ $member }}=https://{{ include "mcp2.etcd.host" (list $ $member) }}:2380
{{- end -}}
{{- end -}}

{{/*
What is the same for every member, with etcd's own names; etcd.config adds to it. The rest (name, addresses, whether it
begins a cluster or joins one) is added by the init container "join", which knows what the volume holds.
*/}}
{{- define "mcp2.etcd.config" -}}
{{- $etcd := .Values.etcd -}}
{{- $tls := dict "cert-file" "/etc/etcd/tls/tls.crt" "key-file" "/etc/etcd/tls/tls.key" "trusted-ca-file" "/etc/etcd/tls/ca.crt" "client-cert-auth" true -}}
{{- /* Clients' certificates come from the same CA: without this, one of them could pose as a member. */ -}}
{{- $hostname := printf "%s.%s.svc" (include "mcp2.etcd.name" .) (include "mcp2.namespace" .) -}}
{{- $config := dict
      "listen-client-urls" (printf "https://%s:2379" .Values.listenAddress)
      "listen-peer-urls" (printf "https://%s:2380" .Values.listenAddress)
      "listen-metrics-urls" (printf "http://%s:2381" .Values.listenAddress)
      "initial-cluster-token" (printf "%s.%s" (include "mcp2.etcd.name" .) (include "mcp2.namespace" .))
      "client-transport-security" $tls
      "peer-transport-security" (merge (dict "allowed-hostname" (list $hostname)) $tls)
      "auto-compaction-mode" "periodic"
      "auto-compaction-retention" $etcd.autoCompactionRetention
      "quota-backend-bytes" (int64 $etcd.quotaBackendBytes)
      "log-level" $etcd.logLevel -}}
{{- mergeOverwrite $config $etcd.config | toYaml -}}
{{- end -}}

{{/* A container of etcd's image that speaks to the members as etcd's root. */}}
{{- define "mcp2.etcd.client" -}}
image: {{ include "mcp2.image" (list . .Values.etcd.image dict) }}
imagePullPolicy: {{ .Values.etcd.image.pullPolicy | default .Values.image.pullPolicy }}
env:
  # The Service: only members that are ready. "--cluster" asks it for the others.
  - {name: ETCDCTL_ENDPOINTS, value: "https://{{ include "mcp2.etcd.name" . }}.{{ include "mcp2.namespace" . }}.svc:2379"}
  - {name: ETCDCTL_CACERT, value: /etc/mcp2/etcd/ca.crt}
  - {name: ETCDCTL_CERT, value: /etc/mcp2/etcd/tls.crt}
  - {name: ETCDCTL_KEY, value: /etc/mcp2/etcd/tls.key}
  - name: POD_NAME
    valueFrom: {fieldRef: {fieldPath: metadata.name}}
resources:
  requests: {cpu: 50m, memory: 64Mi}
  limits: {memory: 512Mi}
securityContext:
  {{- include "mcp2.containerSecurityContext" . | nindent 2 }}
{{- end -}}

{{/* The pod of a job that looks after etcd. */}}
{{- define "mcp2.etcd.jobPod" -}}
restartPolicy: Never
automountServiceAccountToken: false
enableServiceLinks: false
{{- include "mcp2.imagePullSecrets" . }}
securityContext:
  {{- include "mcp2.podSecurityContext" . | nindent 2 }}
{{- include "mcp2.scheduling" (list . .Values.etcd) }}
{{- end -}}

{{/* What the CronJobs share, from below the schedule to the containers. */}}
{{- define "mcp2.etcd.cronJob" -}}
timeZone: Etc/UTC
concurrencyPolicy: Forbid
startingDeadlineSeconds: 3600
successfulJobsHistoryLimit: 1
failedJobsHistoryLimit: 3
jobTemplate:
  spec:
    backoffLimit: 2
    activeDeadlineSeconds: 1800
    template:
      metadata:
        {{- include "mcp2.podMetadata" (list . "etcd-maintenance" .Values.etcd) | nindent 8 }}
      spec:
        {{- include "mcp2.etcd.jobPod" . | nindent 8 }}
{{- end -}}

{{- define "mcp2.etcd.snapshotClaim" -}}
{{ .Values.etcd.snapshot.existingClaim | default (printf "%s-etcd-snapshots" (include "mcp2.fullname" .)) }}
{{- end -}}
