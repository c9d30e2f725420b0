{{/* What the controller does with the API, in every namespace it watches. Nothing more, and no wildcard. */}}
{{- define "msapp.rules" -}}
- apiGroups: [msapp.dev]
  resources: [microserviceapps]
  verbs: [list, watch]
- apiGroups: [msapp.dev]
  resources: [microserviceapps/status]
  verbs: [patch]
- apiGroups: [""]
  resources: [configmaps, serviceaccounts, services]
  verbs: [list, watch, create, patch, delete]
- apiGroups: [apps]
  resources: [deployments]
  verbs: [list, watch, create, patch, delete]
- apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  verbs: [list, watch, create, patch, delete]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [list, watch, create, patch, delete]
- apiGroups: [networking.k8s.io]
  resources: [ingresses, networkpolicies]
  verbs: [list, watch, create, patch, delete]
# Why a pod does not start.
- apiGroups: [""]
  resources: [events, pods]
  verbs: [list, watch]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create]
{{- if .Values.rbac.readSecrets }}
# Referenced Secrets are hashed, so that exactly their consumers restart when one changes.
- apiGroups: [""]
  resources: [secrets]
  verbs: [list, watch, get]
{{- end }}
{{- end }}

{{/* What the operator needs in its own namespace: its Lease, and the key of its keyed digests. */}}
{{- define "msapp.ownRules" -}}
{{- if .Values.leaderElection.enabled }}
# `create` cannot be limited by name.
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  verbs: [create]
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  resourceNames: [{{ include "msapp.leaseName" . }}]
  verbs: [get, update]
{{- end }}
{{- if .Values.rbac.readSecrets }}
- apiGroups: [""]
  resources: [secrets]
  verbs: [create]
- apiGroups: [""]
  resources: [secrets]
  resourceNames: [msapp-digest-key]
  verbs: [get]
{{- end }}
{{- end }}

{{/* The operator's ServiceAccount as the subject of a binding. */}}
{{- define "msapp.subjects" -}}
- kind: ServiceAccount
  name: {{ include "msapp.serviceAccountName" . }}
  namespace: {{ .Release.Namespace }}
{{- end }}
