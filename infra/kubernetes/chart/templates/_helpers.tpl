{{/* The agent's image. */}}
{{- define "lighter.image" -}}
{{- $host := regexReplaceAll "^https?://" .Values.registry "" -}}
{{ .Values.image.repository | default (printf "%s/lighter/agent" $host) }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}
{{/* The registry's host, without a scheme. */}}
{{- define "lighter.host" -}}
{{ regexReplaceAll "^https?://" .Values.registry "" }}
{{- end }}
