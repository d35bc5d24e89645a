"""How lists and maps of the API are merged: by strategic merge patch, and by server-side apply.

In OpenAPI these are ``x-kubernetes-patch-merge-key``, ``x-kubernetes-list-type`` and similar extensions; in the Go
types, tags (``patchMergeKey``, ``listMapKey``). A field that is in no table here is atomic: a write replaces it whole.
Types are named as in the catalogue, without ``io.k8s.api.``.
"""

from functools import lru_cache

from fairlead.registry.schemas.catalogue import OwnType

_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
_API = "io.k8s.api."
_AGGREGATION = "io.k8s.kube-aggregator.pkg.apis.apiregistration.v1"
_EXTENSIONS = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1"

_PATCHED_BY = {
    f"{_META}.ownerReferences": "uid",
    "admissionregistration.v1.MutatingAdmissionPolicySpec.matchConditions": "name",
    "admissionregistration.v1.MutatingAdmissionPolicySpec.variables": "name",
    "admissionregistration.v1.MutatingWebhook.matchConditions": "name",
    "admissionregistration.v1.MutatingWebhookConfiguration.webhooks": "name",
    "admissionregistration.v1.ValidatingAdmissionPolicySpec.matchConditions": "name",
    "admissionregistration.v1.ValidatingAdmissionPolicySpec.variables": "name",
    "admissionregistration.v1.ValidatingWebhook.matchConditions": "name",
    "admissionregistration.v1.ValidatingWebhookConfiguration.webhooks": "name",
    "autoscaling.v2.HorizontalPodAutoscalerStatus.conditions": "type",
    f"{_AGGREGATION}.APIServiceStatus.conditions": "type",
    "core.v1.Container.env": "name",
    "core.v1.Container.ports": "containerPort",
    "core.v1.Container.volumeDevices": "devicePath",
    "core.v1.Container.volumeMounts": "mountPath",
    "core.v1.EphemeralContainer.env": "name",
    "core.v1.EphemeralContainer.ports": "containerPort",
    "core.v1.EphemeralContainer.volumeDevices": "devicePath",
    "core.v1.EphemeralContainer.volumeMounts": "mountPath",
    "core.v1.NamespaceStatus.conditions": "type",
    "core.v1.NodeStatus.addresses": "type",
    "core.v1.NodeStatus.conditions": "type",
    "core.v1.PersistentVolumeClaimStatus.conditions": "type",
    "core.v1.PodSpec.containers": "name",
    "core.v1.PodSpec.ephemeralContainers": "name",
    "core.v1.PodSpec.hostAliases": "ip",
    "core.v1.PodSpec.imagePullSecrets": "name",
    "core.v1.PodSpec.initContainers": "name",
    "core.v1.PodSpec.resourceClaims": "name",
    "core.v1.PodSpec.schedulingGates": "name",
    "core.v1.PodSpec.topologySpreadConstraints": "topologyKey",
    "core.v1.PodSpec.volumes": "name",
    "core.v1.PodStatus.conditions": "type",
    "core.v1.PodStatus.hostIPs": "ip",
    "core.v1.PodStatus.podIPs": "ip",
    "core.v1.PodStatus.resourceClaimStatuses": "name",
    "core.v1.ReplicationControllerStatus.conditions": "type",
    "core.v1.ServiceAccount.secrets": "name",
    "core.v1.ServiceSpec.ports": "port",
    "core.v1.ServiceStatus.conditions": "type",
    "apps.v1.DaemonSetStatus.conditions": "type",
    "apps.v1.DeploymentStatus.conditions": "type",
    "apps.v1.ReplicaSetStatus.conditions": "type",
    "apps.v1.StatefulSetStatus.conditions": "type",
    "batch.v1.JobStatus.conditions": "type",
    "flowcontrol.v1.FlowSchemaStatus.conditions": "type",
    "flowcontrol.v1.PriorityLevelConfigurationStatus.conditions": "type",
    "networking.v1.ServiceCIDRStatus.conditions": "type",
    "policy.v1.PodDisruptionBudgetStatus.conditions": "type",
    "resource.v1.ResourceClaimStatus.reservedFor": "uid",
    "storage.v1.CSINodeSpec.drivers": "name",
}

_MERGED_SETS = {f"{_META}.finalizers", "core.v1.NodeSpec.podCIDRs"}


# Lists whose keys differ between server-side apply and patches.
_APPLIED_BY: dict[str, tuple[str, ...]] = {
    "admissionregistration.v1.ValidatingAdmissionPolicyStatus.conditions": ("type",),
    "certificates.v1.CertificateSigningRequestStatus.conditions": ("type",),
    f"{_EXTENSIONS}.CustomResourceDefinitionStatus.conditions": ("type",),
    "core.v1.Container.ports": ("containerPort", "protocol"),
    "core.v1.EphemeralContainer.ports": ("containerPort", "protocol"),
    "core.v1.PodSpec.topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
    "core.v1.PodStatus.hostIPs": (),
    "core.v1.ResourceRequirements.claims": ("name",),
    "core.v1.ServiceSpec.ports": ("port", "protocol"),
    "resource.v1.ResourceClaimStatus.devices": ("driver", "device", "pool"),
}

_APPLIED_SETS = {*_MERGED_SETS, "discovery.v1.Endpoint.addresses", "storage.v1.CSIDriverSpec.volumeLifecycleModes"}

_ATOMIC_FIELDS = {
    "core.v1.PodSpec.nodeSelector",
    "core.v1.ReplicationControllerSpec.selector",
    "core.v1.ServiceSpec.selector",
    "policy.v1.PodDisruptionBudgetSpec.selector",
}

_ATOMIC_TYPES = {
    "core.v1.ConfigMapKeySelector",
    "core.v1.ConfigMapNodeConfigSource",
    "core.v1.EndpointAddress",
    "core.v1.EndpointPort",
    "core.v1.FileKeySelector",
    "core.v1.LocalObjectReference",
    "core.v1.NodeSelector",
    "core.v1.NodeSelectorTerm",
    "core.v1.ObjectFieldSelector",
    "core.v1.ObjectReference",
    "core.v1.ResourceFieldSelector",
    "core.v1.SecretKeySelector",
    "core.v1.SecretReference",
    "core.v1.TypedLocalObjectReference",
    "discovery.v1.EndpointPort",
    "io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelector",
    "rbac.v1.RoleRef",
    "rbac.v1.Subject",
}


def merge_key(type_name: str, field: str) -> str | None:
    """The key field of a list in a strategic merge patch; None: the list is replaced."""
    return _PATCHED_BY.get(_key(type_name, field))


def is_merged_set(type_name: str, field: str) -> bool:
    """Whether a strategic merge patch adds to this list of plain values instead of replacing it."""
    return _key(type_name, field) in _MERGED_SETS


def list_map_keys(type_name: str, field: str) -> tuple[str, ...]:
    """The key fields of a list in server-side apply; empty for a set or an atomic list."""
    return type_name.keys.get(field, ()) if isinstance(type_name, OwnType) else _list_map_keys(type_name, field)


@lru_cache(maxsize=4096)
def _list_map_keys(type_name: str, field: str) -> tuple[str, ...]:
    key = _key(type_name, field)
    patched_by = _PATCHED_BY.get(key)
    return _APPLIED_BY.get(key, (patched_by,) if patched_by else ())


def is_applied_set(type_name: str, field: str) -> bool:
    """Whether server-side apply owns the elements of this list of plain values one by one."""
    return field in type_name.sets if isinstance(type_name, OwnType) else _is_applied_set(type_name, field)


@lru_cache(maxsize=4096)
def _is_applied_set(type_name: str, field: str) -> bool:
    return _key(type_name, field) in _APPLIED_SETS


def is_atomic_map(type_name: str, field: str, value_type: str = "") -> bool:
    """Whether server-side apply owns this map, or this object of ``value_type``, as a whole."""
    if isinstance(type_name, OwnType):
        return field in type_name.atomic
    return _is_atomic_map(type_name, field, value_type)


@lru_cache(maxsize=4096)
def _is_atomic_map(type_name: str, field: str, value_type: str) -> bool:
    return _key(type_name, field) in _ATOMIC_FIELDS or value_type.removeprefix(_API) in _ATOMIC_TYPES


def _key(type_name: str, field: str) -> str:
    return f"{type_name.removeprefix(_API)}.{field}"
