{{/* The chart's name, or its override. */}}
{{- define "msapp.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* Name of every object: the release, with the chart's name unless the release already says it. */}}
{{- define "msapp.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" }}
{{- else if contains (include "msapp.name" .) .Release.Name }}
{{- .Release.Name | trunc 52 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "msapp.name" .) | trunc 52 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{/* The labels that select the operator's pods; a Deployment's selector cannot change, so neither can these. */}}
{{- define "msapp.selectorLabels" -}}
app.kubernetes.io/name: {{ include "msapp.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/component: controller
{{- end }}

{{/* Labels of an object. Takes a list: the root, then labels of this object alone. What selects cannot be overridden. */}}
{{- define "msapp.labelsWith" -}}
{{- $root := first . }}
{{- $fixed := dict
  "helm.sh/chart" (printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-")
  "app.kubernetes.io/version" $root.Chart.AppVersion
  "app.kubernetes.io/managed-by" $root.Release.Service }}
{{- $default := dict "app.kubernetes.io/part-of" "msapp" }}
{{- merge (include "msapp.selectorLabels" $root | fromYaml) $fixed (last .) $root.Values.commonLabels $default | toYaml }}
{{- end }}

{{/* Labels of an object that has none of its own. */}}
{{- define "msapp.labels" -}}
{{- include "msapp.labelsWith" (list . (dict)) }}
{{- end }}

{{/* Labels of the operator's pods: without versions, so that only a real change replaces them. */}}
{{- define "msapp.podLabels" -}}
{{- merge (include "msapp.selectorLabels" . | fromYaml) .Values.podLabels .Values.commonLabels | toYaml }}
{{- end }}

{{/* Name of the operator's ServiceAccount. */}}
{{- define "msapp.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "msapp.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{/* Name of the Lease. */}}
{{- define "msapp.leaseName" -}}
{{- default (include "msapp.fullname" .) .Values.leaderElection.leaseName }}
{{- end }}

{{/* The image to pull. */}}
{{- define "msapp.image" -}}
{{- $tag := default .Chart.AppVersion .Values.image.tag }}
{{- if .Values.image.digest }}
{{- printf "%s:%s@%s" .Values.image.repository $tag .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" .Values.image.repository $tag }}
{{- end }}
{{- end }}

{{/* The watched namespaces, joined by commas; empty for the whole cluster. */}}
{{- define "msapp.watchNamespaces" -}}
{{- if eq .Values.watch.scope "Namespaces" }}
{{- .Values.watch.namespaces | default (list .Release.Namespace) | uniq | join "," }}
{{- end }}
{{- end }}
