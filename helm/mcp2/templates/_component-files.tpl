{{/* Environment and files of a component's container. Files are mounted as folders: one mounted alone never changes. */}}

{{- define "mcp2.component.env" -}}
- name: MCP2_LOG_LEVEL
  value: {{ .values.logLevel }}
- name: MCP2_OPS_LISTEN
  value: {{ printf "%s:9090" .root.Values.listenAddress | quote }}
- name: MCP2_ISSUER
  valueFrom:
    configMapKeyRef: {name: {{ include "mcp2.fullname" .root }}-jwks, key: issuer}
{{- if .traits.port }}
- name: MCP2_LISTEN
  value: {{ printf "%s:%v" .root.Values.listenAddress .traits.port | quote }}
- name: MCP2_TLS_CERT_FILE
  value: /etc/mcp2/tls/tls.crt
- name: MCP2_TLS_KEY_FILE
  value: /etc/mcp2/tls/tls.key
- name: MCP2_JWKS_FILE
  value: /etc/mcp2/jwks/jwks.json
{{- end }}
{{- range include "mcp2.component.calledByAddress" . | fromJsonArray }}
- name: MCP2_{{ snakecase . | upper }}_ADDRESS
  value: {{ include "mcp2.address" (list $.root .) }}
{{- end }}
{{- with include "mcp2.component.caFolder" . }}
- name: MCP2_CA_FILE
  value: {{ . }}/ca.crt
{{- end }}
{{- if .traits.store }}
{{ include "mcp2.storeEnv" (list .root .component) }}
{{- end }}
{{- if .traits.signingKey }}
- name: MCP2_SIGNING_KEY_FILE
  value: /etc/mcp2/signing-key/key.jwk
{{- end }}
{{- if .traits.clientCertificate }}
- name: MCP2_CLIENT_CERT_FILE
  value: /etc/mcp2/tls/tls.crt
- name: MCP2_CLIENT_KEY_FILE
  value: /etc/mcp2/tls/tls.key
{{- end }}
{{- if and .traits.installationId .root.Values.installationId }}
- name: {{ .traits.installationId }}
  value: {{ .root.Values.installationId | quote }}
{{- end }}
{{- with .traits.stateFolder }}
- name: {{ . }}
  value: /tmp
{{- end }}
{{- with .traits.volume }}
- name: {{ . }}
  value: {{ include "mcp2.component.dataFolder" $ }}
{{- end }}
{{- with .traits.configuration }}
- name: {{ . }}
  value: {{ include "mcp2.configuration.folder" $ }}/{{ include "mcp2.configuration.file" $ }}
{{- end }}
{{- if .traits.api }}
- name: POD_NAME
  valueFrom: {fieldRef: {fieldPath: metadata.name}}
- name: POD_NAMESPACE
  valueFrom: {fieldRef: {fieldPath: metadata.namespace}}
{{- end }}
{{- if include "mcp2.schemas.isThere" . }}
- name: {{ .traits.schemas }}
  value: {{ include "mcp2.schemas.folder" . }}/{{ include "mcp2.schemas.file" . }}
{{- end }}
{{- range $section := list "settings" "log" "quotas" }}
{{- range $key, $variable := get $.traits $section | default dict }}
{{- with dig $section $key "" $.values }}
- name: {{ $variable }}
  value: {{ include "mcp2.component.setting" . | quote }}
{{- end }}
{{- end }}
{{- end }}
{{- include "mcp2.heapEnv" (list .values.resources (include "mcp2.component.childrenMiB" .)) }}
{{- with .values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* A value as its variable holds it. A large number of a file of values would otherwise be 1.073741824e+10. */}}
{{- define "mcp2.component.setting" -}}
{{- if kindIs "slice" . -}}{{ join "," . }}{{- else if kindIs "float64" . -}}{{ int64 . }}{{- else -}}{{ toString . }}{{- end -}}
{{- end -}}

{{/* (list root component): how to reach etcd. An external one need not ask for client certificates. */}}
{{- define "mcp2.storeEnv" -}}
{{- $root := index . 0 -}}
- name: MCP2_ETCD_ENDPOINTS
  value: {{ include "mcp2.etcdEndpoints" $root }}
- name: MCP2_ETCD_CA_FILE
  value: /etc/mcp2/etcd/ca.crt
{{- if or (eq $root.Values.etcd.mode "bundled") $root.Values.etcd.external.clientCertificates }}
- name: MCP2_ETCD_CERT_FILE
  value: /etc/mcp2/etcd/tls.crt
- name: MCP2_ETCD_KEY_FILE
  value: /etc/mcp2/etcd/tls.key
{{- end }}
- name: MCP2_STORE_PREFIX
  value: {{ $root.Values.etcd.prefix }}
{{- end -}}

{{/*
The CA of the control plane's servers. Where the jobs make certificates the trust ConfigMap holds it before any pod
starts; in the other modes it may be filled in later, so the registry's own certificate says it.
*/}}
{{- define "mcp2.caFolder" -}}
{{- ternary "/etc/mcp2/trust" "/etc/mcp2/ca" (eq .Values.tls.mode "selfSigned") -}}
{{- end -}}

{{/* Those installed that it calls at one address, as a JSON list of keys. */}}
{{- define "mcp2.component.calledByAddress" -}}
{{- $installed := include "mcp2.componentsWith" (list .root "port") | fromJsonArray -}}
{{- $keys := list -}}
{{- range without (.traits.calls | default list) "servers" "backends" -}}
{{- if has . $installed -}}{{- $keys = append $keys . -}}{{- end -}}
{{- end -}}
{{- toJson $keys -}}
{{- end -}}

{{/* Memory beside Node's heap: of the processes that it starts, as its configuration bounds it, or of its log. */}}
{{- define "mcp2.component.childrenMiB" -}}
{{- if .traits.log -}}{{ include "mcp2.eventLog.memoryMiB" .values }}{{- else if .traits.configuration -}}{{ include "mcp2.configuration.childrenMiB" (include "mcp2.configuration.parsed" .values | fromJson) }}{{- else -}}0{{- end -}}
{{- end -}}

{{/* Where a component finds the CA of those that it calls; nothing when it calls nobody. */}}
{{- define "mcp2.component.caFolder" -}}
{{- if .traits.calls -}}
{{- ternary "/etc/mcp2/tls" (include "mcp2.caFolder" .root) (include "mcp2.component.callsItself" . | eq "true") -}}
{{- end -}}
{{- end -}}

{{/* "true" when it calls nobody else: its own certificate says whom to trust. */}}
{{- define "mcp2.component.callsItself" -}}
{{- eq (toJson .traits.calls) (toJson (list .key)) -}}
{{- end -}}

{{- define "mcp2.component.volumeFolder" -}}
/var/lib/mcp2
{{- end -}}

{{/* A log has a folder of its own: some file systems put files of theirs at the top of a volume. */}}
{{- define "mcp2.component.dataFolder" -}}
{{ include "mcp2.component.volumeFolder" . }}{{ if .traits.log }}/events{{ end }}
{{- end -}}

{{- define "mcp2.component.mounts" -}}
{{ include "mcp2.tmpMount" . }}
{{- if or .traits.port .traits.clientCertificate }}
{{ include "mcp2.mount" (list "tls" "/etc/mcp2/tls") }}
{{- end }}
{{- if .traits.port }}
{{ include "mcp2.mount" (list "jwks" "/etc/mcp2/jwks") }}
{{- end }}
{{- if .traits.store }}
{{ include "mcp2.mount" (list "etcd" "/etc/mcp2/etcd") }}
{{- end }}
{{- if .traits.signingKey }}
{{ include "mcp2.mount" (list "signing-key" "/etc/mcp2/signing-key") }}
{{- end }}
{{- if and .traits.calls (include "mcp2.component.callsItself" . | ne "true") }}
{{ include "mcp2.mount" (list "ca" (include "mcp2.caFolder" .root)) }}
{{- end }}
{{- if or .traits.volume .traits.claim }}
- name: data
  mountPath: {{ include "mcp2.component.volumeFolder" . }}
{{- end }}
{{- if .traits.configuration }}
{{ include "mcp2.configuration.mounts" . }}
{{- end }}
{{- if include "mcp2.schemas.isThere" . }}
{{ include "mcp2.mount" (list "schemas" (include "mcp2.schemas.folder" .)) }}
{{- end }}
{{- with .values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "mcp2.component.volumes" -}}
{{ include "mcp2.tmpVolume" . }}
{{- if or .traits.port .traits.clientCertificate }}
{{ include "mcp2.secretVolume" (list "tls" (include "mcp2.component.certificateSecret" .)) }}
{{- end }}
{{- if .traits.port }}
- name: jwks
  configMap: {name: {{ include "mcp2.fullname" .root }}-jwks}
{{- end }}
{{- if .traits.store }}
{{ include "mcp2.secretVolume" (list "etcd" (include "mcp2.storeSecret" (list .root .component))) }}
{{- end }}
{{- if .traits.signingKey }}
{{ include "mcp2.secretVolume" (list "signing-key" (printf "%s-signing-key" (include "mcp2.fullname" .root))) }}
{{- end }}
{{- if and .traits.calls (include "mcp2.component.callsItself" . | ne "true") }}
{{ include "mcp2.caVolume" .root }}
{{- end }}
{{- if .traits.volume }}
{{ include "mcp2.claimSubstitute" .values.persistence }}
{{- end }}
{{- if .traits.claim }}
{{ include "mcp2.claim.volume" . }}
{{- end }}
{{- if .traits.configuration }}
{{ include "mcp2.configuration.volumes" . }}
{{- end }}
{{- if include "mcp2.schemas.isThere" . }}
- name: schemas
  configMap: {name: {{ include "mcp2.schemas.name" . }}}
{{- end }}
{{- with .values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* An entry names a Secret of yours itself; for other components tls.existingSecrets does. */}}
{{- define "mcp2.component.certificateSecret" -}}
{{- $own := "" -}}
{{- if eq .root.Values.tls.mode "existingSecret" -}}{{- $own = .values.certificateSecret -}}{{- end -}}
{{- $own | default (include "mcp2.certificateSecret" (list .root .component)) -}}
{{- end -}}

{{- define "mcp2.caVolume" -}}
{{- if eq .Values.tls.mode "selfSigned" -}}
- name: ca
  configMap: {name: {{ .Values.trust.configMapName }}}
{{- else -}}
{{ include "mcp2.secretVolume" (list "ca" (include "mcp2.certificateSecret" (list . "registry"))) }}
    items: [{key: ca.crt, path: ca.crt}]
{{- end -}}
{{- end -}}
