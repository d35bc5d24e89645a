"""Fields with a closed set of values in the API reference, and named defaults, for OpenAPI.

Types are named as in the catalogue, without ``io.k8s.api.``. Source: the constants of k8s.io/api, marked ``+enum`` and
``+default`` there.
"""

_PROTOCOLS = ("SCTP", "TCP", "UDP")
_EFFECTS = ("NoExecute", "NoSchedule", "PreferNoSchedule")
_RECLAIM = ("Delete", "Recycle", "Retain")
_MODES = ("Block", "Filesystem")
_ROLLING = ("OnDelete", "RollingUpdate")
_TRAFFIC = ("Cluster", "Local")
_PROFILES = ("Localhost", "RuntimeDefault", "Unconfined")
_HONOURED = ("Honor", "Ignore")
_FAILING = ("Fail", "Ignore")
_MATCHING = ("Equivalent", "Exact")

ENUMS: dict[str, tuple[str, ...]] = {
    "admissionregistration.v1.MatchResources.matchPolicy": _MATCHING,
    "admissionregistration.v1.MutatingAdmissionPolicySpec.failurePolicy": _FAILING,
    "admissionregistration.v1.MutatingWebhook.failurePolicy": _FAILING,
    "admissionregistration.v1.MutatingWebhook.matchPolicy": _MATCHING,
    "admissionregistration.v1.MutatingWebhook.reinvocationPolicy": ("IfNeeded", "Never"),
    "admissionregistration.v1.MutatingWebhook.sideEffects": ("None", "NoneOnDryRun", "Some", "Unknown"),
    "admissionregistration.v1.Mutation.patchType": ("ApplyConfiguration", "JSONPatch"),
    "admissionregistration.v1.RuleWithOperations.scope": ("*", "Cluster", "Namespaced"),
    "admissionregistration.v1.ValidatingAdmissionPolicySpec.failurePolicy": _FAILING,
    "admissionregistration.v1.ValidatingWebhook.failurePolicy": _FAILING,
    "admissionregistration.v1.ValidatingWebhook.matchPolicy": _MATCHING,
    "admissionregistration.v1.ValidatingWebhook.sideEffects": ("None", "NoneOnDryRun", "Some", "Unknown"),
    "apps.v1.DaemonSetUpdateStrategy.type": _ROLLING,
    "apps.v1.DeploymentStrategy.type": ("Recreate", "RollingUpdate"),
    "apps.v1.StatefulSetSpec.podManagementPolicy": ("OrderedReady", "Parallel"),
    "apps.v1.StatefulSetUpdateStrategy.type": _ROLLING,
    "batch.v1.CronJobSpec.concurrencyPolicy": ("Allow", "Forbid", "Replace"),
    "batch.v1.JobSpec.completionMode": ("Indexed", "NonIndexed"),
    "batch.v1.JobSpec.podReplacementPolicy": ("Failed", "TerminatingOrFailed"),
    "batch.v1.PodFailurePolicyRule.action": ("Count", "FailIndex", "FailJob", "Ignore"),
    "core.v1.AppArmorProfile.type": _PROFILES,
    "core.v1.Container.imagePullPolicy": ("Always", "IfNotPresent", "Never"),
    "core.v1.Container.terminationMessagePolicy": ("FallbackToLogsOnError", "File"),
    "core.v1.ContainerPort.protocol": _PROTOCOLS,
    "core.v1.EndpointPort.protocol": _PROTOCOLS,
    "core.v1.HTTPGetAction.scheme": ("HTTP", "HTTPS"),
    "core.v1.HostPathVolumeSource.type": (
        *("", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate"),
        *("File", "FileOrCreate", "Socket"),
    ),
    "core.v1.NamespaceStatus.phase": ("Active", "Terminating"),
    "core.v1.NodeSelectorRequirement.operator": ("DoesNotExist", "Exists", "Gt", "In", "Lt", "NotIn"),
    "core.v1.PersistentVolumeClaimSpec.volumeMode": _MODES,
    "core.v1.PersistentVolumeClaimStatus.phase": ("Bound", "Lost", "Pending"),
    "core.v1.PersistentVolumeSpec.persistentVolumeReclaimPolicy": _RECLAIM,
    "core.v1.PersistentVolumeSpec.volumeMode": _MODES,
    "core.v1.PersistentVolumeStatus.phase": ("Available", "Bound", "Failed", "Pending", "Released"),
    "core.v1.PodSpec.dnsPolicy": ("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"),
    "core.v1.PodSpec.preemptionPolicy": ("Never", "PreemptLowerPriority"),
    "core.v1.PodSpec.restartPolicy": ("Always", "Never", "OnFailure"),
    "core.v1.PodStatus.phase": ("Failed", "Pending", "Running", "Succeeded", "Unknown"),
    "core.v1.PodStatus.qosClass": ("BestEffort", "Burstable", "Guaranteed"),
    "core.v1.SeccompProfile.type": _PROFILES,
    "core.v1.ServicePort.protocol": _PROTOCOLS,
    "core.v1.ServiceSpec.externalTrafficPolicy": _TRAFFIC,
    "core.v1.ServiceSpec.internalTrafficPolicy": _TRAFFIC,
    "core.v1.ServiceSpec.ipFamilyPolicy": ("PreferDualStack", "RequireDualStack", "SingleStack"),
    "core.v1.ServiceSpec.sessionAffinity": ("ClientIP", "None"),
    "core.v1.ServiceSpec.type": ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort"),
    "core.v1.Taint.effect": _EFFECTS,
    "core.v1.Toleration.effect": _EFFECTS,
    "core.v1.Toleration.operator": ("Equal", "Exists", "Gt", "Lt"),
    "core.v1.TopologySpreadConstraint.nodeAffinityPolicy": _HONOURED,
    "core.v1.TopologySpreadConstraint.nodeTaintsPolicy": _HONOURED,
    "core.v1.TopologySpreadConstraint.whenUnsatisfiable": ("DoNotSchedule", "ScheduleAnyway"),
    "discovery.v1.EndpointSlice.addressType": ("FQDN", "IPv4", "IPv6"),
    "networking.v1.HTTPIngressPath.pathType": ("Exact", "ImplementationSpecific", "Prefix"),
    "networking.v1.NetworkPolicyPort.protocol": _PROTOCOLS,
    "policy.v1.PodDisruptionBudgetSpec.unhealthyPodEvictionPolicy": ("AlwaysAllow", "IfHealthyBudget"),
    "storage.v1.StorageClass.reclaimPolicy": _RECLAIM,
    "storage.v1.StorageClass.volumeBindingMode": ("Immediate", "WaitForFirstConsumer"),
}

DEFAULTS: dict[str, str] = {
    "core.v1.ContainerPort.protocol": "TCP",
    "core.v1.ServicePort.protocol": "TCP",
}


def values_of(type_name: str, field: str) -> tuple[str, ...]:
    """The possible values of a field, if the API reference lists them."""
    return ENUMS.get(_key(type_name, field), ())


def default_of(type_name: str, field: str) -> str | None:
    """The default of a field, if OpenAPI names it."""
    return DEFAULTS.get(_key(type_name, field))


def _key(type_name: str, field: str) -> str:
    return f"{type_name.removeprefix('io.k8s.api.')}.{field}"
