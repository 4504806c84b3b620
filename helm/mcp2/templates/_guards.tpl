{{/*
What the schema cannot say, or what --skip-schema-validation let through: each ends with one sentence that says what to
do.
*/}}
{{- define "mcp2.guards" -}}
{{- $etcd := .Values.etcd -}}
{{- if not (has $etcd.mode (list "bundled" "external")) -}}
{{- fail (printf "etcd.mode is %q: choose bundled (a StatefulSet of this chart) or external (an etcd of yours)" $etcd.mode) -}}
{{- end -}}
{{- if and (eq $etcd.mode "bundled") $etcd.external.endpoints -}}
{{- fail "etcd.external.endpoints are set, but etcd.mode is bundled: set etcd.mode=external to use them, or remove them" -}}
{{- end -}}
{{- if eq $etcd.mode "external" -}}
{{- include "mcp2.guards.externalEtcd" . -}}
{{- else if not (has (int $etcd.replicas) (list 1 3)) -}}
{{- fail (printf "etcd.replicas is %v: choose 1 (development) or 3; two members survive no more than one does" $etcd.replicas) -}}
{{- end -}}
{{- if and $etcd.restore.snapshot (eq $etcd.dataDirectory "data") -}}
{{- fail "etcd.restore.snapshot needs etcd.dataDirectory set to a new folder, for example data-2: the old data stays beside it" -}}
{{- end -}}
{{- if and $etcd.restore.snapshot (not $etcd.persistence.enabled) -}}
{{- fail "etcd.restore.snapshot needs etcd.persistence.enabled: what is restored must outlive the job" -}}
{{- end -}}
{{- if not (has .Values.tls.mode (list "selfSigned" "certManager" "existingSecret")) -}}
{{- fail (printf "tls.mode is %q: choose selfSigned, certManager or existingSecret; there is no mode without TLS" .Values.tls.mode) -}}
{{- end -}}
{{- if lt (int (trimSuffix "h" .Values.tls.certificateDuration)) (mul 2 (int (trimSuffix "h" .Values.tls.renewBefore))) -}}
{{- fail (printf "tls.renewBefore (%s) must be at most half of tls.certificateDuration (%s)" .Values.tls.renewBefore .Values.tls.certificateDuration) -}}
{{- end -}}
{{- if and (ne .Values.tls.mode "selfSigned") (not .Values.registry.enabled) -}}
{{- fail (printf "registry.enabled false needs tls.mode selfSigned: with %s the CA that everybody trusts is read from the registry's certificate" .Values.tls.mode) -}}
{{- end -}}
{{- include "mcp2.guards.alone" . -}}
{{- range $key, $traits := include "mcp2.traits" . | fromYaml -}}
{{- if and $traits.leader (dig "autoscaling" "enabled" false (get $.Values $key)) -}}
{{- fail (printf "%s.autoscaling: one %s leads and the others stand by, so more of them do no more" $key $key) -}}
{{- end -}}
{{- if $traits.entries -}}
{{- include "mcp2.guards.entries" (list $ $key) -}}
{{- else if (include "mcp2.section" (list $ $key) | fromJson).enabled -}}
{{- include "mcp2.guards.component" (list $key (include "mcp2.componentValues" (list $ $key) | fromJson) $traits) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Two releases would take the operator's lease and ConfigMap mcp2-trust from each other. Without a cluster nothing is found. */}}
{{- define "mcp2.guards.alone" -}}
{{- $namespace := include "mcp2.namespace" . -}}
{{- range (lookup "apps/v1" "Deployment" $namespace "").items -}}
{{- $labels := .metadata.labels | default dict -}}
{{- $release := get $labels "app.kubernetes.io/instance" -}}
{{- if and (eq (get $labels "app.kubernetes.io/part-of") "mcp2") (ne $release $.Release.Name) -}}
{{- fail (printf "namespace %s holds the mcp2 release %s already: install %s into a namespace of its own" $namespace $release $.Release.Name) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "mcp2.guards.externalEtcd" -}}
{{- $external := .Values.etcd.external -}}
{{- if not $external.endpoints -}}
{{- fail "etcd.mode is external: set etcd.external.endpoints, for example [https://etcd-0.example:2379]" -}}
{{- end -}}
{{- range $external.endpoints -}}
{{- if not (hasPrefix "https://" .) -}}
{{- fail (printf "etcd.external.endpoints: %s must begin with https://, since the store holds every server's address" .) -}}
{{- end -}}
{{- end -}}
{{- range include "mcp2.componentsWith" (list . "store") | fromJsonArray -}}
{{- if not (or $external.existingSecret (get $external (printf "%sSecret" .))) -}}
{{- fail "etcd.mode is external: set etcd.external.existingSecret to a Secret with ca.crt, tls.crt and tls.key" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* (list key values traits) */}}
{{- define "mcp2.guards.component" -}}
{{- $name := index . 0 -}}
{{- $values := index . 1 -}}
{{- $traits := index . 2 -}}
{{- if $traits.log -}}{{- include "mcp2.guards.eventLog" . -}}{{- end -}}
{{- if and $traits.volume $values.persistence.existingClaim -}}
{{- if or $values.autoscaling.enabled (gt ($values.replicas | default 2 | int) 1) -}}
{{- fail (printf "%s.persistence.existingClaim is the volume of one pod: set %s.replicas to 1, or leave it empty and each pod gets a volume" $name $name) -}}
{{- end -}}
{{- end -}}
{{- if and $values.autoscaling.enabled (not $traits.leader) -}}
{{- if not (kindIs "invalid" $values.replicas) -}}
{{- fail (printf "%s.replicas and %s.autoscaling.enabled contradict each other: leave %s.replicas null, or autoscaling off" $name $name $name) -}}
{{- end -}}
{{- if gt (int $values.autoscaling.minReplicas) (int $values.autoscaling.maxReplicas) -}}
{{- fail (printf "%s.autoscaling.minReplicas is more than maxReplicas" $name) -}}
{{- end -}}
{{- if not (dig "requests" "cpu" "" ($values.resources | default dict)) -}}
{{- fail (printf "%s.autoscaling needs %s.resources.requests.cpu: utilization is measured against it" $name $name) -}}
{{- end -}}
{{- end -}}
{{- if le (int $values.terminationGracePeriodSeconds) (int $values.preStopSleepSeconds) -}}
{{- fail (printf "%s.terminationGracePeriodSeconds must be more than %s.preStopSleepSeconds, or the process has no time to end" $name $name) -}}
{{- end -}}
{{- end -}}
