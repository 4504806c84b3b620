{{/*
The jobs of install, upgrade, rotation and uninstall, all the same container with another task.

What runs before install and upgrade is a hook, and so is what it needs: nothing of the release exists yet then. The same
holds for uninstall, which may follow an install that failed so early; and its rights are there for no longer than the
job. What runs after install uses objects of the release.
*/}}

{{- define "mcp2.setup.hook" -}}
helm.sh/hook: {{ index . 0 }}
helm.sh/hook-weight: {{ index . 1 | quote }}
# A failed job stays, with its log, until the next attempt; Helm 4 shows the log at once.
helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
helm.sh/hook-output-log-policy: hook-failed
{{- end -}}

{{/* Rights are there before the job, and the job is over before the first object of the release. */}}
{{- define "mcp2.setup.before" -}}
{{ include "mcp2.setup.hook" (list "pre-install,pre-upgrade,pre-rollback" .) }}
{{- end -}}

{{/* dict root task account hasStore */}}
{{- define "mcp2.setup.podTemplate" -}}
{{- $root := .root -}}
{{- $setup := $root.Values.setup -}}
metadata:
  {{- include "mcp2.podMetadata" (list $root "setup" $setup) | nindent 2 }}
spec:
  serviceAccountName: {{ .account }}
  automountServiceAccountToken: true
  enableServiceLinks: false
  # Not OnFailure: that removes the failed pod, and with it the log.
  restartPolicy: Never
  {{- include "mcp2.imagePullSecrets" $root | nindent 2 }}
  securityContext:
    {{- include "mcp2.podSecurityContext" $root | nindent 4 }}
  {{- include "mcp2.scheduling" (list $root $setup) | nindent 2 }}
  containers:
    - name: setup
      image: {{ include "mcp2.image" (list $root $root.Values.image dict) }}
      imagePullPolicy: {{ $root.Values.image.pullPolicy }}
      args: [setup, {{ .task }}]
      env:
        {{- include "mcp2.setup.env" . | nindent 8 }}
      {{- with $setup.resources }}
      resources:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      securityContext:
        {{- include "mcp2.containerSecurityContext" . | nindent 8 }}
      volumeMounts:
        {{- include "mcp2.tmpMount" . | nindent 8 }}
        {{- if .hasStore }}
        {{- include "mcp2.mount" (list "etcd" "/etc/mcp2/etcd") | nindent 8 }}
        {{- end }}
  volumes:
    {{- include "mcp2.tmpVolume" . | nindent 4 }}
    {{- if .hasStore }}
    {{- include "mcp2.secretVolume" (list "etcd" (include "mcp2.certificateSecret" (list $root "setup-etcd"))) | nindent 4 }}
    {{- end }}
{{- end -}}

{{- define "mcp2.setup.env" -}}
{{- $values := .root.Values -}}
- name: POD_NAMESPACE
  valueFrom: {fieldRef: {fieldPath: metadata.namespace}}
{{- range $name, $value := dict
      "NAME" (include "mcp2.fullname" .root)
      "INSTALLATION_ID" $values.installationId
      "TLS_MODE" $values.tls.mode
      "CLUSTER_DOMAIN" $values.clusterDomain
      "SERVERS" (include "mcp2.namesWith" (list .root "port") | fromJsonArray | join ",")
      "CLIENTS" (include "mcp2.namesWith" (list .root "clientCertificate") | fromJsonArray | join ",")
      "STORE_RIGHTS" (include "mcp2.setup.storeRights" .root)
      "BUNDLED_ETCD" (eq $values.etcd.mode "bundled" | toString)
      "OPERATOR_NAMESPACES" (join "," $values.operator.settings.namespaces)
      "TRUST_CONFIG_MAP" $values.trust.configMapName
      "TRUST_NAMESPACES" (join "," $values.trust.namespaces)
      "REGISTRY" (include "mcp2.registryAddress" .root)
      "EVENT_BUS" (include "mcp2.eventBusAddress" .root)
      "CA_SECRET" (include "mcp2.certificateSecret" (list .root "registry"))
      "CERTIFICATE_DURATION" $values.tls.certificateDuration
      "RENEW_BEFORE" $values.tls.renewBefore }}
- name: MCP2_SETUP_{{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- if .hasStore }}
{{ include "mcp2.storeEnv" (list .root "setup") }}
{{- end }}
{{- include "mcp2.heapEnv" (list $values.setup.resources 0) }}
{{- end -}}

{{/* "registry:read:/,registry:write:/servers/": who may do what in the store, for the job that sets etcd up. */}}
{{- define "mcp2.setup.storeRights" -}}
{{- $rights := list -}}
{{- range $key := include "mcp2.componentsWith" (list . "store") | fromJsonArray -}}
{{- range $kind, $paths := (get (include "mcp2.traits" $ | fromYaml) $key).store -}}
{{- range $paths -}}{{- $rights = append $rights (printf "%s:%s:%s" (include "mcp2.kebab" $key) $kind .) -}}{{- end -}}
{{- end -}}
{{- end -}}
{{- join "," $rights -}}
{{- end -}}

{{/* (list root account): what `setup prepare`, `rotate` and `store` need in the release's namespace. */}}
{{- define "mcp2.setup.rules" -}}
{{- $name := include "mcp2.fullname" . -}}
{{- $secrets := list (printf "%s-signing-key" $name) -}}
{{- if eq .Values.tls.mode "selfSigned" -}}
{{- $certificates := concat (include "mcp2.namesWith" (list . "port") | fromJsonArray) (include "mcp2.namesWith" (list . "clientCertificate") | fromJsonArray) -}}
{{- $secrets = append $secrets (printf "%s-ca" $name) -}}
{{- if eq .Values.etcd.mode "bundled" -}}
{{- $secrets = append $secrets (printf "%s-etcd-ca" $name) -}}
{{- $certificates = concat $certificates (list "etcd" "setup-etcd") -}}
{{- range include "mcp2.namesWith" (list . "store") | fromJsonArray -}}
{{- $certificates = append $certificates (printf "%s-etcd" .) -}}
{{- end -}}
{{- end -}}
{{- range uniq $certificates -}}
{{- $secrets = append $secrets (printf "%s-%s-tls" $name .) -}}
{{- end -}}
{{- end -}}
# Server-side apply names the object in the request, so that even making one can be limited to names.
- apiGroups: [""]
  resources: [secrets]
  resourceNames:
    {{- toYaml $secrets | nindent 4 }}
  verbs: [get, create, patch]
{{- if ne .Values.tls.mode "selfSigned" }}
# Its ca.crt is published for clients.
- apiGroups: [""]
  resources: [secrets]
  resourceNames: [{{ include "mcp2.certificateSecret" (list . "registry") }}]
  verbs: [get]
{{- end }}
- apiGroups: [""]
  resources: [configmaps]
  resourceNames: [{{ $name }}-jwks, {{ .Values.trust.configMapName }}]
  verbs: [get, create, patch]
{{- end -}}

{{/* The same in the whole cluster; empty when there is no need for any. */}}
{{- define "mcp2.setup.clusterRules" -}}
{{- if not .Values.installationId -}}
# Its uid is the installation's id.
- apiGroups: [""]
  resources: [namespaces]
  resourceNames: [kube-system]
  verbs: [get]
{{- end }}
{{- if .Values.trust.namespaces }}
# Not a Role in each of them: one that does not exist yet would fail the whole install.
- apiGroups: [""]
  resources: [configmaps]
  resourceNames: [{{ .Values.trust.configMapName }}]
  verbs: [get, create, patch]
{{- end }}
{{- end -}}

{{/* dict root name rules clusterRules annotations: ServiceAccount, roles and bindings under one name. */}}
{{- define "mcp2.setup.account" -}}
{{- $grant := dict "root" .root "component" "setup" "name" .name "annotations" .annotations -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  {{- include "mcp2.metadata" (list .root "setup" .name .annotations) | nindent 2 }}
automountServiceAccountToken: false
{{- if .root.Values.rbac.create }}
{{ include "mcp2.grant" (merge (dict "rules" .rules "namespace" (include "mcp2.namespace" .root)) $grant) }}
{{- with .clusterRules | trim }}
{{ include "mcp2.grant" (merge (dict "rules" .) $grant) }}
{{- end }}
{{- end }}
{{- end -}}

{{/* dict root name annotations: jobs call the API server and etcd; nobody calls them. */}}
{{- define "mcp2.setup.networkPolicy" -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  {{- include "mcp2.metadata" (list .root "setup" .name .annotations) | nindent 2 }}
spec:
  podSelector:
    matchLabels:
      {{- include "mcp2.selectorLabels" (list .root "setup") | nindent 6 }}
  policyTypes: [Ingress, Egress]
  egress:
    {{- include "mcp2.egressDns" .root | nindent 4 }}
    {{- include "mcp2.egressApiServer" .root | nindent 4 }}
    {{- if eq .root.Values.etcd.mode "bundled" }}
    {{- include "mcp2.egressStore" .root | nindent 4 }}
    {{- end }}
{{- end -}}
