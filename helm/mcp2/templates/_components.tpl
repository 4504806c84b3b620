{{/* What follows from the traits of all components together: who is there, what its values are, where it answers. */}}

{{/*
What is installed, as a JSON list of maps: `key` of the component, `entry` where it has entries, and the `name` that follows.
*/}}
{{- define "mcp2.instances" -}}
{{- $root := . -}}
{{- $instances := list -}}
{{- range $key, $traits := include "mcp2.traits" . | fromYaml -}}
{{- if $traits.entries -}}
{{- range include "mcp2.entries" (list $root $key) | fromJson | keys | sortAlpha -}}
{{- $instances = append $instances (dict "key" $key "entry" . "name" (include "mcp2.kebab" .)) -}}
{{- end -}}
{{- else if (include "mcp2.section" (list $root $key) | fromJson).enabled -}}
{{- $instances = append $instances (dict "key" $key "entry" "" "name" (include "mcp2.kebab" $key)) -}}
{{- end -}}
{{- end -}}
{{- toJson $instances -}}
{{- end -}}

{{/*
(list root key): a component's section of the values, as JSON. Values that `--reuse-values` keeps from a chart without the
component lack it: then it is not installed.
*/}}
{{- define "mcp2.section" -}}
{{- get (index . 0).Values (index . 1) | default dict | toJson -}}
{{- end -}}

{{/* (list root key): the entries of a component that has some, as JSON; the sample's among them where it is wanted. */}}
{{- define "mcp2.entries" -}}
{{- $root := index . 0 -}}
{{- $key := index . 1 -}}
{{- $section := get $root.Values $key -}}
{{- $entries := deepCopy (get $section (get (include "mcp2.traits" $root | fromYaml) $key).entries) -}}
{{- if $section.sample -}}
{{- range $entry, $values := include "mcp2.sample" $root | fromJson -}}
{{- $own := get $entries $entry | default dict -}}
{{- include "mcp2.layUnder" (list $own $values) -}}
{{- $_ := set $entries $entry $own -}}
{{- end -}}
{{- end -}}
{{- toJson $entries -}}
{{- end -}}

{{/* (list root trait): keys of the installed components that have the trait and no entries, as a JSON list. */}}
{{- define "mcp2.componentsWith" -}}
{{- $traits := include "mcp2.traits" (index . 0) | fromYaml -}}
{{- $keys := list -}}
{{- range include "mcp2.instances" (index . 0) | fromJsonArray -}}
{{- if and (not .entry) (get (get $traits .key) (index $ 1)) -}}{{- $keys = append $keys .key -}}{{- end -}}
{{- end -}}
{{- toJson $keys -}}
{{- end -}}

{{/* (list root trait): names of all that is installed and has the trait, as a JSON list. */}}
{{- define "mcp2.namesWith" -}}
{{- $traits := include "mcp2.traits" (index . 0) | fromYaml -}}
{{- $names := list -}}
{{- range include "mcp2.instances" (index . 0) | fromJsonArray -}}
{{- if get (get $traits .key) (index $ 1) -}}{{- $names = append $names .name -}}{{- end -}}
{{- end -}}
{{- toJson $names -}}
{{- end -}}

{{/* (list root key): names of the installed ones of a component, as a JSON list. */}}
{{- define "mcp2.namesOf" -}}
{{- $names := list -}}
{{- range include "mcp2.instances" (index . 0) | fromJsonArray -}}
{{- if eq .key (index $ 1) -}}{{- $names = append $names .name -}}{{- end -}}
{{- end -}}
{{- toJson $names -}}
{{- end -}}

{{/*
(list root key [entry]): a component's section of the values, with componentDefaults under it, as JSON; of an entry its own
values, with all that under them.
*/}}
{{- define "mcp2.componentValues" -}}
{{- $root := index . 0 -}}
{{- $key := index . 1 -}}
{{- $entry := "" -}}
{{- if gt (len .) 2 -}}{{- $entry = index . 2 -}}{{- end -}}
{{- $traits := get (include "mcp2.traits" $root | fromYaml) $key -}}
{{- $defaults := deepCopy $root.Values.componentDefaults -}}
{{- if not $traits.volume -}}{{- $defaults = omit $defaults "persistence" -}}{{- end -}}
{{- $values := include "mcp2.section" (list $root $key) | fromJson -}}
{{- include "mcp2.layOver" (list $values $defaults) -}}
{{- if $entry -}}
{{- $defaults = omit $values "sample" $traits.entries -}}
{{- $values = get (include "mcp2.entries" (list $root $key) | fromJson) $entry | default dict -}}
{{- include "mcp2.layOver" (list $values $defaults) -}}
{{- end -}}
{{- toJson $values -}}
{{- end -}}

{{/*
(list values defaults): lays a section over its defaults. How many pods it wants goes before what these say of that, be it
a number or autoscaling.
*/}}
{{- define "mcp2.layOver" -}}
{{- $values := index . 0 -}}
{{- $defaults := index . 1 -}}
{{- if not (kindIs "invalid" $values.replicas) -}}{{- $_ := set $defaults.autoscaling "enabled" false -}}{{- end -}}
{{- if dig "autoscaling" "enabled" false $values -}}{{- $_ := unset $defaults "replicas" -}}{{- end -}}
{{- include "mcp2.layUnder" (list $values $defaults) -}}
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
{{ include "mcp2.fullname" $root }}-{{ include "mcp2.kebab" $key }}.{{ include "mcp2.namespace" $root }}.svc:{{ $service.port | default $port }}
{{- end -}}

{{- define "mcp2.registryAddress" -}}
{{ include "mcp2.address" (list . "registry") }}
{{- end -}}

{{/* Nothing where there is none. */}}
{{- define "mcp2.eventBusAddress" -}}
{{- if (include "mcp2.section" (list . "eventBus") | fromJson).enabled -}}{{ include "mcp2.address" (list . "eventBus") }}{{- end -}}
{{- end -}}
