"""All built-in resources: one row each, from which routing, discovery, OpenAPI and storage are derived.

Kinds, short names and categories are those of upstream's ``kubectl api-resources``; whether a PUT may create an object
and whether an update must name a resourceVersion are those of each kind's strategy under upstream's ``pkg/registry``.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from fairlead.registry.defined_kind import DefinedKind

COLLECTION_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
OBJECT_VERBS = ("get", "patch", "update")
STREAM_VERBS = ("create", "get")
PROXY_VERBS = ("create", "delete", "get", "patch", "update")


@dataclass(frozen=True)
class Subresource:
    """A path below an object, such as ``pods/binding``.

    Attributes:
        kind: of its documents; empty means the kind of the resource itself.
        group, version: of that kind, when it is not the resource's own.
    """

    name: str
    verbs: tuple[str, ...] = OBJECT_VERBS
    kind: str = ""
    group: str | None = None
    version: str | None = None


STATUS = Subresource("status")
SCALE = Subresource("scale", OBJECT_VERBS, "Scale", "autoscaling", "v1")
WORKLOAD = (STATUS, SCALE)
EVICTION = Subresource("eviction", ("create",), "Eviction", "policy", "v1")
POD_SIDES = (Subresource("ephemeralcontainers"), Subresource("resize"))
POD_STREAMS = (
    Subresource("attach", STREAM_VERBS, "PodAttachOptions"),
    Subresource("exec", STREAM_VERBS, "PodExecOptions"),
    Subresource("log", ("get",), "Pod"),
    Subresource("portforward", STREAM_VERBS, "PodPortForwardOptions"),
    Subresource("proxy", PROXY_VERBS, "PodProxyOptions"),
)


@dataclass(frozen=True)
class Resource:
    """One collection of objects as clients see it.

    Attributes:
        create_on_update: a PUT to a name that does not exist creates the object.
        unconditional_update: a PUT without resourceVersion overwrites whatever is there.
        deprecated: the warning in every answer about it.
        view_of: the storage of another resource whose objects this one shows under its own group and version.
        defined: for a custom kind, the data that the table of kinds has for others.
    """

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    subresources: tuple[Subresource, ...] = ()
    verbs: tuple[str, ...] = COLLECTION_VERBS
    create_on_update: bool = False
    unconditional_update: bool = True
    view_of: str = ""
    deprecated: str = ""
    defined: DefinedKind | None = None

    @cached_property
    def group_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def singular(self) -> str:
        return self.defined.singular if self.defined else self.kind.lower()

    @property
    def list_kind(self) -> str:
        return self.defined.list_kind if self.defined else f"{self.kind}List"

    @cached_property
    def qualified(self) -> str:
        """The resource as messages name it: ``services``, ``endpointslices.discovery.k8s.io``."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @cached_property
    def storage(self) -> str:
        """The name under which its objects are kept; independent of the version."""
        return self.view_of or self.qualified

    def subresource(self, name: str) -> Subresource | None:
        return self._subresources.get(name)

    @cached_property
    def _subresources(self) -> dict[str, Subresource]:
        return {each.name: each for each in self.subresources}


ALL = ("all",)
_CORE, _APPS, _DISCOVERY = ("", "v1"), ("apps", "v1"), ("discovery.k8s.io", "v1")
_EVENTS, _COORDINATION, _NETWORKING = (
    ("events.k8s.io", "v1"),
    ("coordination.k8s.io", "v1"),
    ("networking.k8s.io", "v1"),
)
_AUTHENTICATION, _AUTHORIZATION = ("authentication.k8s.io", "v1"), ("authorization.k8s.io", "v1")
_ADMISSION = "admissionregistration.k8s.io", "v1"
_FLOWS, _DEVICES = ("flowcontrol.apiserver.k8s.io", "v1"), ("resource.k8s.io", "v1")
_RBAC, _STORAGE = ("rbac.authorization.k8s.io", "v1"), ("storage.k8s.io", "v1")

# fmt: off
RESOURCES: tuple[Resource, ...] = (
    Resource(*_CORE, "bindings", "Binding", verbs=("create",)),
    Resource(*_CORE, "componentstatuses", "ComponentStatus", namespaced=False, short_names=("cs",),
             verbs=("get", "list"), deprecated="v1 ComponentStatus is deprecated in v1.19+"),
    Resource(*_CORE, "configmaps", "ConfigMap", short_names=("cm",)),
    Resource(*_CORE, "endpoints", "Endpoints", short_names=("ep",), create_on_update=True,
             deprecated="v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"),
    Resource(*_CORE, "events", "Event", short_names=("ev",), create_on_update=True),
    Resource(*_CORE, "limitranges", "LimitRange", short_names=("limits",)),
    Resource(*_CORE, "namespaces", "Namespace", namespaced=False, short_names=("ns",),
             subresources=(STATUS, Subresource("finalize", ("update",))),
             verbs=tuple(verb for verb in COLLECTION_VERBS if verb != "deletecollection")),
    Resource(*_CORE, "nodes", "Node", namespaced=False, short_names=("no",),
             subresources=(STATUS, Subresource("proxy", PROXY_VERBS, "NodeProxyOptions"))),
    Resource(*_CORE, "persistentvolumeclaims", "PersistentVolumeClaim", short_names=("pvc",), subresources=(STATUS,)),
    Resource(*_CORE, "persistentvolumes", "PersistentVolume", namespaced=False, short_names=("pv",),
             subresources=(STATUS,)),
    Resource(*_CORE, "pods", "Pod", short_names=("po",), categories=ALL,
             subresources=(STATUS, Subresource("binding", ("create",), "Binding"), EVICTION, *POD_SIDES, *POD_STREAMS)),
    Resource(*_CORE, "podtemplates", "PodTemplate"),
    Resource(*_CORE, "resourcequotas", "ResourceQuota", short_names=("quota",), subresources=(STATUS,)),
    Resource(*_CORE, "replicationcontrollers", "ReplicationController", short_names=("rc",), categories=ALL,
             subresources=WORKLOAD),
    Resource(*_CORE, "secrets", "Secret"),
    Resource(*_CORE, "serviceaccounts", "ServiceAccount", short_names=("sa",), subresources=(
                 Subresource("token", ("create",), "TokenRequest", "authentication.k8s.io", "v1"),)),
    Resource(*_CORE, "services", "Service", short_names=("svc",), categories=ALL,
             subresources=(STATUS, Subresource("proxy", PROXY_VERBS, "ServiceProxyOptions")),
             create_on_update=True),
    Resource(*_APPS, "controllerrevisions", "ControllerRevision"),
    Resource(*_APPS, "daemonsets", "DaemonSet", short_names=("ds",), categories=ALL, subresources=(STATUS,)),
    Resource(*_APPS, "deployments", "Deployment", short_names=("deploy",), categories=ALL, subresources=WORKLOAD),
    Resource(*_APPS, "replicasets", "ReplicaSet", short_names=("rs",), categories=ALL, subresources=WORKLOAD),
    Resource(*_APPS, "statefulsets", "StatefulSet", short_names=("sts",), categories=ALL, subresources=WORKLOAD),
    Resource("autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler", short_names=("hpa",),
             categories=ALL, subresources=(STATUS,)),
    Resource("autoscaling", "v1", "horizontalpodautoscalers", "HorizontalPodAutoscaler", short_names=("hpa",),
             categories=ALL, subresources=(STATUS,), view_of="horizontalpodautoscalers.autoscaling"),
    Resource("batch", "v1", "cronjobs", "CronJob", short_names=("cj",), categories=ALL, subresources=(STATUS,)),
    Resource("batch", "v1", "jobs", "Job", categories=ALL, subresources=(STATUS,)),
    Resource("certificates.k8s.io", "v1", "certificatesigningrequests", "CertificateSigningRequest", namespaced=False,
             short_names=("csr",), subresources=(Subresource("approval"), STATUS)),
    Resource(*_ADMISSION, "mutatingadmissionpolicies", "MutatingAdmissionPolicy", namespaced=False,
             categories=("api-extensions",)),
    Resource(*_ADMISSION, "mutatingadmissionpolicybindings", "MutatingAdmissionPolicyBinding", namespaced=False,
             categories=("api-extensions",)),
    Resource(*_ADMISSION, "mutatingwebhookconfigurations", "MutatingWebhookConfiguration", namespaced=False,
             categories=("api-extensions",)),
    Resource(*_ADMISSION, "validatingadmissionpolicies", "ValidatingAdmissionPolicy", namespaced=False,
             categories=("api-extensions",), subresources=(STATUS,)),
    Resource(*_ADMISSION, "validatingadmissionpolicybindings", "ValidatingAdmissionPolicyBinding", namespaced=False,
             categories=("api-extensions",)),
    Resource(*_ADMISSION, "validatingwebhookconfigurations", "ValidatingWebhookConfiguration", namespaced=False,
             categories=("api-extensions",)),
    Resource("apiregistration.k8s.io", "v1", "apiservices", "APIService", namespaced=False,
             categories=("api-extensions",), subresources=(STATUS,), unconditional_update=False),
    Resource("apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", namespaced=False,
             short_names=("crd", "crds"), categories=("api-extensions",), subresources=(STATUS,),
             unconditional_update=False),
    Resource(*_AUTHENTICATION, "selfsubjectreviews", "SelfSubjectReview", namespaced=False, verbs=("create",)),
    Resource(*_AUTHENTICATION, "tokenreviews", "TokenReview", namespaced=False, verbs=("create",)),
    Resource(*_AUTHORIZATION, "localsubjectaccessreviews", "LocalSubjectAccessReview", verbs=("create",)),
    Resource(*_AUTHORIZATION, "selfsubjectaccessreviews", "SelfSubjectAccessReview", namespaced=False,
             verbs=("create",)),
    Resource(*_AUTHORIZATION, "selfsubjectrulesreviews", "SelfSubjectRulesReview", namespaced=False, verbs=("create",)),
    Resource(*_AUTHORIZATION, "subjectaccessreviews", "SubjectAccessReview", namespaced=False, verbs=("create",)),
    Resource(*_COORDINATION, "leases", "Lease", create_on_update=True, unconditional_update=False),
    Resource(*_DISCOVERY, "endpointslices", "EndpointSlice"),
    Resource(*_EVENTS, "events", "Event", short_names=("ev",), create_on_update=True, view_of="events"),
    Resource(*_FLOWS, "flowschemas", "FlowSchema", namespaced=False, subresources=(STATUS,)),
    Resource(*_FLOWS, "prioritylevelconfigurations", "PriorityLevelConfiguration", namespaced=False,
             subresources=(STATUS,)),
    Resource(*_NETWORKING, "ingresses", "Ingress", short_names=("ing",), subresources=(STATUS,)),
    Resource(*_NETWORKING, "ingressclasses", "IngressClass", namespaced=False),
    Resource(*_NETWORKING, "ipaddresses", "IPAddress", namespaced=False, short_names=("ip",)),
    Resource(*_NETWORKING, "networkpolicies", "NetworkPolicy", short_names=("netpol",)),
    Resource(*_NETWORKING, "servicecidrs", "ServiceCIDR", namespaced=False, subresources=(STATUS,)),
    Resource("node.k8s.io", "v1", "runtimeclasses", "RuntimeClass", namespaced=False),
    Resource("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget", short_names=("pdb",),
             subresources=(STATUS,)),
    Resource(*_RBAC, "clusterrolebindings", "ClusterRoleBinding", namespaced=False),
    Resource(*_RBAC, "clusterroles", "ClusterRole", namespaced=False),
    Resource(*_RBAC, "rolebindings", "RoleBinding"),
    Resource(*_RBAC, "roles", "Role"),
    Resource(*_DEVICES, "deviceclasses", "DeviceClass", namespaced=False),
    Resource(*_DEVICES, "resourceclaims", "ResourceClaim", subresources=(STATUS,)),
    Resource(*_DEVICES, "resourceclaimtemplates", "ResourceClaimTemplate"),
    Resource(*_DEVICES, "resourceslices", "ResourceSlice", namespaced=False),
    Resource("scheduling.k8s.io", "v1", "priorityclasses", "PriorityClass", namespaced=False, short_names=("pc",)),
    Resource(*_STORAGE, "csidrivers", "CSIDriver", namespaced=False),
    Resource(*_STORAGE, "csinodes", "CSINode", namespaced=False),
    Resource(*_STORAGE, "csistoragecapacities", "CSIStorageCapacity"),
    Resource(*_STORAGE, "volumeattachments", "VolumeAttachment", namespaced=False, subresources=(STATUS,)),
    Resource(*_STORAGE, "storageclasses", "StorageClass", namespaced=False, short_names=("sc",)),
    Resource(*_STORAGE, "volumeattributesclasses", "VolumeAttributesClass", namespaced=False, short_names=("vac",)),
)
# fmt: on

BY_PATH = {(resource.group, resource.version, resource.plural): resource for resource in RESOURCES}
BY_STORAGE = {resource.storage: resource for resource in RESOURCES if not resource.view_of}
GROUPS = tuple(dict.fromkeys(resource.group for resource in RESOURCES if resource.group))


class ResourceTable:
    """All resources, and look-ups of them. A table is equal only to itself, so values derived from it can be cached
    under it.

    Attributes:
        by_path: (group, version, plural) -> row.
        group_versions: as clients name them, such as ``apps/v1``.
    """

    def __init__(self, rows: Iterable[Resource]) -> None:
        self.rows = tuple(rows)
        self.by_path: Mapping[tuple[str, str, str], Resource] = {(r.group, r.version, r.plural): r for r in self.rows}
        self.groups = tuple(dict.fromkeys(row.group for row in self.rows if row.group))
        self.group_versions = frozenset(row.group_version for row in self.rows)

    def with_rows(self, rows: Iterable[Resource]) -> "ResourceTable":
        """This table and more rows."""
        return ResourceTable((*self.rows, *rows))


BUILT_IN = ResourceTable(RESOURCES)
