{{/*
One component: ServiceAccount, rights, Deployment or StatefulSet, Service, PodDisruptionBudget, HorizontalPodAutoscaler and
NetworkPolicy, all from its traits and from values of one shape; the same once more for each entry of one that has entries.
(list root "key")
*/}}
{{- define "mcp2.component" -}}
{{- $root := index . 0 -}}
{{- $key := index . 1 -}}
{{- range include "mcp2.instances" $root | fromJsonArray }}
{{- if eq .key $key }}
{{ include "mcp2.component.objects" (set (include "mcp2.component.context" (list $root .) | fromJson) "root" $root) }}
{{- end }}
{{- end }}
{{- end -}}

{{/*
(list root instance): what the templates of a component take beside the root, as JSON. `component` is what its objects and
pods are called by, `process` the argument that starts it.
*/}}
{{- define "mcp2.component.context" -}}
{{- $root := index . 0 -}}
{{- with index . 1 -}}
{{- $traits := get (include "mcp2.traits" $root | fromYaml) .key -}}
{{- $values := include "mcp2.componentValues" (list $root .key .entry) | fromJson -}}
{{- dict "key" .key "component" .name "process" (include "mcp2.kebab" .key) "values" $values "traits" $traits
      "name" (printf "%s-%s" (include "mcp2.fullname" $root) .name)
      "kind" (ternary "StatefulSet" "Deployment" (hasKey $traits "volume"))
      "scalesByLoad" (and $values.autoscaling.enabled (not $traits.leader)) | toJson -}}
{{- end -}}
{{- end -}}

{{- define "mcp2.component.objects" -}}
{{- include "mcp2.component.serviceAccount" . }}
{{- if and .traits.api .root.Values.rbac.create }}
{{ include "mcp2.component.rights" . }}
{{- end }}
{{- if .traits.configuration }}
{{ include "mcp2.configuration.object" . }}
{{- end }}
{{- if include "mcp2.claim.isMade" . }}
{{ include "mcp2.claim.object" . }}
{{- end }}
{{- if include "mcp2.schemas.isThere" . }}
{{ include "mcp2.schemas.object" . }}
{{- end }}
{{ include "mcp2.component.workload" . }}
{{- if .traits.port }}
{{ include "mcp2.component.service" . }}
{{- end }}
{{- if .values.podDisruptionBudget.enabled }}
{{ include "mcp2.component.podDisruptionBudget" . }}
{{- end }}
{{- if .scalesByLoad }}
{{ include "mcp2.component.autoscaler" . }}
{{- end }}
{{- if .root.Values.networkPolicy.enabled }}
{{ include "mcp2.component.networkPolicy" . }}
{{- end }}
{{- end -}}

{{- define "mcp2.component.serviceAccount" -}}
---
apiVersion: v1
kind: ServiceAccount
metadata:
  {{- include "mcp2.metadata" (list .root .component .name .values.serviceAccountAnnotations) | nindent 2 }}
# The pod asks for the token where it is used.
automountServiceAccountToken: false
{{- end -}}

{{- define "mcp2.component.workload" -}}
---
apiVersion: apps/v1
kind: {{ .kind }}
metadata:
  {{- include "mcp2.metadata" (list .root .component .name dict) | nindent 2 }}
spec:
  {{- if include "mcp2.eventLog.isRepaired" . }}
  # What is done to the log needs it to itself.
  replicas: 0
  {{- else if not .scalesByLoad }}
  replicas: {{ .values.replicas | default 2 }}
  {{- end }}
  revisionHistoryLimit: 5
  selector:
    matchLabels:
      {{- include "mcp2.selectorLabels" (list .root .component) | nindent 6 }}
  {{- if eq .kind "StatefulSet" }}
  serviceName: {{ .name }}
  # In turn, a pod that never becomes ready would stay until somebody deletes it, whatever a rollback says.
  podManagementPolicy: Parallel
  updateStrategy: {type: RollingUpdate}
  {{- include "mcp2.claims" (list .root .component .values.persistence) | nindent 2 }}
  {{- else }}
  strategy:
    {{- /* A claim is one pod's at a time. */}}
    {{- ternary (dict "type" "Recreate") .values.updateStrategy (include "mcp2.claim.name" . | ne "") | toYaml | nindent 4 }}
  {{- end }}
  template:
    metadata:
      {{- include "mcp2.component.podMetadata" . | nindent 6 }}
    spec:
      {{- include "mcp2.component.podSpec" . | nindent 6 }}
{{- end -}}

{{/* What is read once, at the start, goes into a checksum: what the issuer, which the jobs write, follows from, and files. */}}
{{- define "mcp2.component.podMetadata" -}}
{{- $read := dict "installationId" .root.Values.installationId -}}
{{- if .traits.configuration -}}{{- $_ := set $read "files" (include "mcp2.configuration.files" .values) -}}{{- end -}}
{{- if include "mcp2.schemas.isThere" . -}}{{- $_ := set $read "schemas" (include "mcp2.schemas.files" .values) -}}{{- end -}}
{{- $checksum := toJson $read | sha256sum -}}
{{- $annotations := merge (dict) .values.podAnnotations (dict "checksum/config" $checksum) -}}
{{- include "mcp2.podMetadata" (list .root .component (dict "podLabels" .values.podLabels "podAnnotations" $annotations)) -}}
{{- end -}}

{{- define "mcp2.component.podSpec" -}}
serviceAccountName: {{ .name }}
automountServiceAccountToken: {{ hasKey .traits "api" }}
enableServiceLinks: false
terminationGracePeriodSeconds: {{ .values.terminationGracePeriodSeconds }}
{{- include "mcp2.imagePullSecrets" .root }}
securityContext:
  {{- include "mcp2.podSecurityContext" .root | nindent 2 }}
{{- $apart := include "mcp2.apart" (list .root .component .values) | fromYaml }}
{{- include "mcp2.scheduling" (list .root (merge (dict "affinity" $apart) .values)) }}
topologySpreadConstraints:
  {{- include "mcp2.component.spread" . | nindent 2 }}
containers:
  - name: {{ .process }}
    image: {{ include "mcp2.image" (list .root .root.Values.image .values.image) }}
    imagePullPolicy: {{ .values.image.pullPolicy | default .root.Values.image.pullPolicy }}
    args: [{{ .process }}]
    {{- include "mcp2.component.lifecycle" . | nindent 4 }}
    env:
      {{- include "mcp2.component.env" . | nindent 6 }}
    {{- with .values.resources }}
    resources:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    securityContext:
      {{- include "mcp2.containerSecurityContext" . | nindent 6 }}
    volumeMounts:
      {{- include "mcp2.component.mounts" . | nindent 6 }}
volumes:
  {{- include "mcp2.component.volumes" . | nindent 2 }}
{{- end -}}

{{- define "mcp2.component.spread" -}}
{{- if .values.topologySpreadConstraints }}
{{- toYaml .values.topologySpreadConstraints }}
{{- else }}
{{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
- topologyKey: {{ . }}
  maxSkew: 1
  whenUnsatisfiable: ScheduleAnyway
  # Pods of the old revision do not count while a new one is rolled out.
  matchLabelKeys: [{{ ternary "controller-revision-hash" "pod-template-hash" (eq $.kind "StatefulSet") }}]
  labelSelector:
    matchLabels:
      {{- include "mcp2.selectorLabels" (list $.root $.component) | nindent 6 }}
{{- end }}
{{- end }}
{{- end -}}

{{/*
The startup probe asks whether the process lives, not whether it is ready: an etcd that is away for long would otherwise
have the pods restarted, which mends nothing.
*/}}
{{- define "mcp2.component.lifecycle" -}}
ports:
  {{- with .traits.port }}
  - name: grpc
    containerPort: {{ . }}
  {{- end }}
  - name: ops
    containerPort: 9090
startupProbe:
  httpGet: {path: /livez, port: ops}
  periodSeconds: 1
  {{- /* A log that was not closed is read through before anything answers. */}}
  failureThreshold: {{ ternary 600 60 (hasKey .traits "log") }}
livenessProbe:
  httpGet: {path: /livez, port: ops}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 3
readinessProbe:
  httpGet: {path: /readyz, port: ops}
  periodSeconds: 5
  timeoutSeconds: 3
  failureThreshold: 2
{{- with .values.preStopSleepSeconds }}
lifecycle:
  preStop:
    sleep: {seconds: {{ . }}}
{{- end }}
{{- end -}}

{{- define "mcp2.component.service" -}}
{{- $service := .values.service -}}
---
apiVersion: v1
kind: Service
metadata:
  {{- include "mcp2.metadata" (list .root .component .name $service.annotations) | nindent 2 }}
spec:
  type: {{ $service.type }}
  {{- with $service.trafficDistribution }}
  trafficDistribution: {{ . }}
  {{- end }}
  selector:
    {{- include "mcp2.selectorLabels" (list .root .component) | nindent 4 }}
  ports:
    - name: grpc
      port: {{ $service.port | default .traits.port }}
      targetPort: grpc
{{- end -}}

{{- define "mcp2.component.podDisruptionBudget" -}}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  {{- include "mcp2.metadata" (list .root .component .name dict) | nindent 2 }}
spec:
  # Not minAvailable: with one pod that would block every drain.
  maxUnavailable: {{ .values.podDisruptionBudget.maxUnavailable }}
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels:
      {{- include "mcp2.selectorLabels" (list .root .component) | nindent 6 }}
{{- end -}}

{{- define "mcp2.component.autoscaler" -}}
{{- $autoscaling := .values.autoscaling -}}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  {{- include "mcp2.metadata" (list .root .component .name dict) | nindent 2 }}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: {{ .kind }}, name: {{ .name }}}
  minReplicas: {{ $autoscaling.minReplicas }}
  maxReplicas: {{ $autoscaling.maxReplicas }}
  metrics:
    - type: Resource
      resource:
        name: cpu
        target: {type: Utilization, averageUtilization: {{ $autoscaling.targetCpuUtilizationPercentage }}}
  {{- with $autoscaling.behavior }}
  behavior:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}
