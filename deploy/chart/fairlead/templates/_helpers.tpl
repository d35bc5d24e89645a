{{- define "fairlead.labels" -}}
app.kubernetes.io/part-of: fairlead
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
{{ include "fairlead.selector" . }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "fairlead.selector" -}}
app.kubernetes.io/name: {{ include "fairlead.name" . }}
{{- end }}

{{- define "fairlead.name" -}}
fairlead-{{ .part }}
{{- end }}

{{- define "fairlead.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{- define "fairlead.priority" -}}
{{ .root.Values.priorityClassName | default .usual }}
{{- end }}

{{/* The account of a part, its roles and what binds them: rights of the named entries of files/rights.yaml. */}}
{{- define "fairlead.account" -}}
{{- $table := .root.Files.Get "files/rights.yaml" | fromYaml }}
{{- $cluster := list }}
{{- $namespaced := list }}
{{- $rights := .rights }}
{{- if .root.Values.authorizeMetrics }}{{- $rights = append $rights "metrics-access" }}{{- end }}
{{- range $rights }}
{{- $entry := get $table . }}
{{- $cluster = concat $cluster ($entry.cluster | default list) }}
{{- $namespaced = concat $namespaced ($entry.namespaced | default list) }}
{{- end }}
{{- $cluster = concat $cluster (.more | default list) }}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ include "fairlead.name" . }}
  namespace: {{ .root.Release.Namespace }}
  labels: {{- include "fairlead.labels" . | nindent 4 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: {{ include "fairlead.name" . }}
  labels: {{- include "fairlead.labels" . | nindent 4 }}
rules: {{- toYaml $cluster | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: {{ include "fairlead.name" . }}
  labels: {{- include "fairlead.labels" . | nindent 4 }}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: {{ include "fairlead.name" . }}}
subjects:
  - {kind: ServiceAccount, name: {{ include "fairlead.name" . }}, namespace: {{ .root.Release.Namespace }}}
{{- if $namespaced }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: {{ include "fairlead.name" . }}
  namespace: {{ .root.Release.Namespace }}
  labels: {{- include "fairlead.labels" . | nindent 4 }}
rules: {{- toYaml $namespaced | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: {{ include "fairlead.name" . }}
  namespace: {{ .root.Release.Namespace }}
  labels: {{- include "fairlead.labels" . | nindent 4 }}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: {{ include "fairlead.name" . }}}
subjects:
  - {kind: ServiceAccount, name: {{ include "fairlead.name" . }}, namespace: {{ .root.Release.Namespace }}}
{{- end }}
{{- end }}

{{/* What a container may do that needs no privilege at all. */}}
{{- define "fairlead.unprivileged" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{- define "fairlead.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{/* A Service without an address, by which Prometheus finds the Pods, and the ServiceMonitor that asks it to. */}}
{{- define "fairlead.monitored" -}}
{{- if .root.Values.serviceMonitors }}
---
apiVersion: v1
kind: Service
metadata:
  name: {{ include "fairlead.name" . }}-metrics
  namespace: {{ .root.Release.Namespace }}
  labels: {{- include "fairlead.labels" . | nindent 4 }}
spec:
  clusterIP: None
  selector: {{- include "fairlead.selector" . | nindent 4 }}
  ports:
    - {name: metrics, port: {{ .port }}, targetPort: {{ .port }}}
---
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata:
  name: {{ include "fairlead.name" . }}
  namespace: {{ .root.Release.Namespace }}
  labels: {{- include "fairlead.labels" . | nindent 4 }}
spec:
  jobLabel: app.kubernetes.io/name
  selector:
    matchLabels: {{- include "fairlead.selector" . | nindent 6 }}
  endpoints:
    - port: metrics
      {{- if .root.Values.authorizeMetrics }}
      bearerTokenFile: /var/run/secrets/kubernetes.io/serviceaccount/token
      {{- end }}
{{- end }}
{{- end }}
