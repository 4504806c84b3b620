{{/* What follows from the traits of all components together: who is there, what its values are, where it answers. */}}

{{/* (list root trait): keys of the installed components that have the trait, as a JSON list. */}}
{{- define "mcp2.componentsWith" -}}
{{- $root := index . 0 -}}
{{- $trait := index . 1 -}}
{{- $keys := list -}}
{{- range $key, $traits := include "mcp2.traits" $root | fromYaml -}}
{{- if and (get $traits $trait) (get $root.Values $key).enabled -}}{{- $keys = append $keys $key -}}{{- end -}}
{{- end -}}
{{- toJson $keys -}}
{{- end -}}

{{/* (list root trait): their names, as a JSON list. */}}
{{- define "mcp2.namesWith" -}}
{{- $names := list -}}
{{- range include "mcp2.componentsWith" . | fromJsonArray -}}{{- $names = append $names (kebabcase .) -}}{{- end -}}
{{- toJson $names -}}
{{- end -}}

{{/*
(list root key): a component's section of the values, with componentDefaults under it, as JSON. How many pods a section wants
goes before what the defaults say of that, be it a number or autoscaling.
*/}}
{{- define "mcp2.componentValues" -}}
{{- $root := index . 0 -}}
{{- $values := deepCopy (get $root.Values (index . 1)) -}}
{{- $defaults := deepCopy $root.Values.componentDefaults -}}
{{- if not (kindIs "invalid" $values.replicas) -}}{{- $_ := set $defaults.autoscaling "enabled" false -}}{{- end -}}
{{- if dig "autoscaling" "enabled" false $values -}}{{- $_ := unset $defaults "replicas" -}}{{- end -}}
{{- include "mcp2.layUnder" (list $values $defaults) -}}
{{- toJson $values -}}
{{- end -}}

{{/*
(list values defaults): adds to the map `values` what it lacks; maps deeply, lists not. Not sprig's merge, for which false,
0 and "" are as good as absent. null takes a default away, as it does for Helm.
*/}}
{{- define "mcp2.layUnder" -}}
{{- $values := index . 0 -}}
{{- range $key, $default := index . 1 -}}
{{- $value := get $values $key -}}
{{- if not (hasKey $values $key) -}}
{{- $_ := set $values $key $default -}}
{{- else if kindIs "invalid" $value -}}
{{- $_ := unset $values $key -}}
{{- else if and (kindIs "map" $value) (kindIs "map" $default) -}}
{{- include "mcp2.layUnder" (list $value $default) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* (list root key): host:port under which clients reach a component. */}}
{{- define "mcp2.address" -}}
{{- $root := index . 0 -}}
{{- $key := index . 1 -}}
{{- $port := (get (include "mcp2.traits" $root | fromYaml) $key).port -}}
{{- $service := (include "mcp2.componentValues" . | fromJson).service -}}
{{ include "mcp2.fullname" $root }}-{{ kebabcase $key }}.{{ include "mcp2.namespace" $root }}.svc:{{ $service.port | default $port }}
{{- end -}}

{{- define "mcp2.registryAddress" -}}
{{ include "mcp2.address" (list . "registry") }}
{{- end -}}
