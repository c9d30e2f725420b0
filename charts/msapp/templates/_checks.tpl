{{/* Combinations that the schema cannot express, refused with a sentence that says what to change. */}}
{{- define "msapp.checks" -}}
{{- if and (eq .Values.watch.scope "Cluster") .Values.watch.namespaces }}
{{- fail "watch.namespaces is set, but watch.scope is Cluster: set watch.scope to Namespaces, or remove watch.namespaces" }}
{{- end }}
{{- if and (gt (int .Values.replicaCount) 1) (not .Values.leaderElection.enabled) }}
{{- fail "leaderElection.enabled is false, but replicaCount is above 1: several operators would work side by side; set replicaCount to 1 or enable leader election" }}
{{- end }}
{{- if and .Values.metrics.serviceMonitor.enabled .Values.metrics.podMonitor.enabled }}
{{- fail "metrics.serviceMonitor.enabled and metrics.podMonitor.enabled are both true: every pod would be scraped twice; enable one of them" }}
{{- end }}
{{- if and .Values.metrics.serviceMonitor.enabled (not .Values.metrics.service.enabled) }}
{{- fail "metrics.serviceMonitor.enabled is true, but metrics.service.enabled is false: enable the Service, or use metrics.podMonitor" }}
{{- end }}
{{- end }}

{{/* "true" when a monitor is to be rendered. Takes a dict: root, monitor (its values), kind, path (of its values). */}}
{{- define "msapp.renderMonitor" -}}
{{- if .monitor.enabled }}
{{- $served := .root.Capabilities.APIVersions.Has (printf "monitoring.coreos.com/v1/%s" .kind) }}
{{- if and (not $served) (eq .monitor.renderMode "failIfMissing") }}
{{- fail (printf "%s.renderMode is failIfMissing, and the cluster does not serve monitoring.coreos.com/v1 %s" .path .kind) }}
{{- end }}
{{- if or $served (eq .monitor.renderMode "alwaysRender") }}true{{ end }}
{{- end }}
{{- end }}
