"""The ClusterRoles and ClusterRoleBindings that every cluster has, for the resources that exist here.

Manifests bind ``cluster-admin``, ``admin``, ``edit`` and ``view``. Anything not listed is not allowed, so a new kind is
unreadable until it is added.
Upstream: ``plugin/pkg/auth/authorizer/rbac/bootstrappolicy/{policy,controller_policy}.go``.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from fairlead.model.document import Doc
from fairlead.registry.access.rules import RBAC

AUTOUPDATE = "rbac.authorization.kubernetes.io/autoupdate"

_READ = ("get", "list", "watch")
_WRITE = ("create", "patch", "update")
_ALL = (*_READ, "create", "delete", "deletecollection", "patch", "update")

_VIEWED = {
    "": (
        "configmaps endpoints events limitranges namespaces persistentvolumeclaims persistentvolumeclaims/status pods "
        "pods/log pods/status resourcequotas resourcequotas/status replicationcontrollers "
        "replicationcontrollers/scale replicationcontrollers/status serviceaccounts "
        "services services/status"
    ),
    "apps": (
        "controllerrevisions daemonsets daemonsets/status deployments deployments/scale deployments/status replicasets "
        "replicasets/scale replicasets/status statefulsets statefulsets/scale statefulsets/status"
    ),
    "autoscaling": "horizontalpodautoscalers horizontalpodautoscalers/status",
    "batch": "cronjobs cronjobs/status jobs jobs/status",
    "discovery.k8s.io": "endpointslices",
    "networking.k8s.io": "ingresses ingresses/status networkpolicies",
    "policy": "poddisruptionbudgets poddisruptionbudgets/status",
    "resource.k8s.io": "resourceclaims resourceclaims/status resourceclaimtemplates",
}
# Without Endpoints and EndpointSlices, which can forward to other namespaces (CVE-2021-25740).
_EDITED = {
    "": (
        "configmaps events persistentvolumeclaims pods pods/attach pods/eviction pods/exec pods/portforward pods/proxy "
        "replicationcontrollers replicationcontrollers/scale secrets serviceaccounts serviceaccounts/token services "
        "services/proxy"
    ),
    "apps": "daemonsets deployments deployments/scale replicasets replicasets/scale statefulsets statefulsets/scale",
    "autoscaling": "horizontalpodautoscalers",
    "batch": "cronjobs jobs",
    "coordination.k8s.io": "leases",
    "networking.k8s.io": "ingresses networkpolicies",
    "policy": "poddisruptionbudgets",
    "resource.k8s.io": "resourceclaims resourceclaimtemplates",
}
_ADMINISTERED = {RBAC: "roles rolebindings", "authorization.k8s.io": "localsubjectaccessreviews"}
_ABOUT_ONESELF = {
    "authentication.k8s.io": "selfsubjectreviews",
    "authorization.k8s.io": "selfsubjectaccessreviews selfsubjectrulesreviews",
}
_ABOUT_OTHERS = {"authentication.k8s.io": "tokenreviews", "authorization.k8s.io": "subjectaccessreviews"}
_FOLLOWED = {"": "namespaces pods services", "discovery.k8s.io": "endpointslices"}  # by the DNS server
_PUBLISHED = {"": "nodes services", "discovery.k8s.io": "endpointslices"}
_FORWARDED = {
    "": "nodes services",
    "discovery.k8s.io": "endpointslices",
    "networking.k8s.io": "servicecidrs",
}
# Permissions on the HTTP API of nodes; see ``fairlead.nodeagent.api_access``.
_OF_KUBELETS = {"": "nodes/configz nodes/healthz nodes/log nodes/metrics nodes/pods nodes/proxy nodes/stats"}
_CERTIFICATES = "certificates.k8s.io"
_REQUESTS = f"system:{_CERTIFICATES}:certificatesigningrequests"
_SCHEDULED_BY = {
    "": "namespaces nodes persistentvolumeclaims persistentvolumes pods replicationcontrollers services",
    "apps": "replicasets statefulsets",
    "policy": "poddisruptionbudgets",
    "storage.k8s.io": "csidrivers csinodes csistoragecapacities storageclasses volumeattachments",
}
_POLICIES = "system:fairlead-network-policies"
_ISOLATED = {"": "namespaces pods", "networking.k8s.io": "networkpolicies"}  # by a proxy that enforces policies
_EVENTS = {"": "events", "events.k8s.io": "events"}
# For the controllers, in one process and under one name; upstream has a role for each. The garbage collector and the
# controller that empties Namespaces need every kind.
_CONTROLLED = (*_READ, "delete", "deletecollection", "patch", "update")
_CREATED = {
    "": "configmaps endpoints persistentvolumeclaims persistentvolumes pods pods/binding serviceaccounts",
    "apps": "controllerrevisions replicasets",
    "batch": "jobs",
    "coordination.k8s.io": "leases",
    "discovery.k8s.io": "endpointslices",
}
_PUBLIC = ("/healthz", "/livez", "/readyz", "/version", "/version/")
# For clients that verify the tokens of ServiceAccounts.
_ISSUER = (
    *("/.well-known/openid-configuration", "/.well-known/openid-configuration/"),
    *("/openid/v1/jwks", "/openid/v1/jwks/"),
)
_DISCOVERY = (*_PUBLIC, "/api", "/api/*", "/apis", "/apis/*", "/openapi", "/openapi/*")


def _rules(verbs: Sequence[str], resources: Mapping[str, str]) -> list[Doc]:
    return [
        {"verbs": list(verbs), "apiGroups": [group], "resources": names.split()} for group, names in resources.items()
    ]


def _urls(verb: str, *urls: str) -> list[Doc]:
    return [{"verbs": [verb], "nonResourceURLs": list(urls)}]


_VIEW = _rules(_READ, _VIEWED)
_EDIT = [*_VIEW, *_rules(_ALL, _EDITED)]

ROLES: dict[str, list[Doc]] = {
    "cluster-admin": [*_rules("*", {"*": "*"}), *_urls("*", "*")],
    "admin": [*_EDIT, *_rules(_ALL, _ADMINISTERED)],
    "edit": _EDIT,
    "view": _VIEW,
    "system:auth-delegator": _rules(("create",), _ABOUT_OTHERS),
    f"{_REQUESTS}:nodeclient": _rules(("create",), {_CERTIFICATES: "certificatesigningrequests/nodeclient"}),
    f"{_REQUESTS}:selfnodeclient": _rules(("create",), {_CERTIFICATES: "certificatesigningrequests/selfnodeclient"}),
    "system:basic-user": _rules(("create",), _ABOUT_ONESELF),
    "system:discovery": _urls("get", *_DISCOVERY),
    "system:fairlead-dns": _rules(_READ, _FOLLOWED),
    _POLICIES: _rules(_READ, _ISOLATED),
    "system:fairlead-node-volumes": _rules(_READ, {"": "persistentvolumes"}),
    "system:fairlead-publisher": _rules(_READ, _PUBLISHED),
    "system:fairlead-router": [*_rules(_READ, _PUBLISHED), *_rules(_WRITE, _EVENTS)],
    "system:kube-controller-manager": [
        *_rules(_CONTROLLED, {"*": "*"}),
        *_rules(("create",), _CREATED),
        *_rules(("create",), _EVENTS),
        *_rules(("approve", "sign"), {_CERTIFICATES: "signers"}),
        *_rules(("create",), _ABOUT_OTHERS),
    ],
    "system:kube-scheduler": [
        *_rules(_READ, _SCHEDULED_BY),
        *_rules(("delete",), {"": "pods"}),
        *_rules(_WRITE, {**_EVENTS, "coordination.k8s.io": "leases"}),
        *_rules(("get",), {"coordination.k8s.io": "leases"}),
        *_rules(("create",), {"": "bindings pods/binding", **_ABOUT_OTHERS}),
        *_rules(("patch", "update"), {"": "pods/status"}),
    ],
    "system:kubelet-api-admin": [*_rules((*_READ, "proxy"), {"": "nodes"}), *_rules("*", _OF_KUBELETS)],
    "system:node-bootstrapper": _rules((*_READ, "create"), {_CERTIFICATES: "certificatesigningrequests"}),
    "system:node-proxier": [*_rules(_READ, _FORWARDED), *_rules(_WRITE, _EVENTS)],
    "system:public-info-viewer": _urls("get", *_PUBLIC),
    "system:service-account-issuer-discovery": _urls("get", *_ISSUER),
}


def _groups(*names: str) -> list[Doc]:
    return [{"apiGroup": RBAC, "kind": "Group", "name": name} for name in names]


def _user(name: str) -> list[Doc]:
    return [{"apiGroup": RBAC, "kind": "User", "name": name}]


def _component(name: str) -> list[Doc]:
    return [{"kind": "ServiceAccount", "namespace": "kube-system", "name": name}]


# The subjects of each role, in the whole cluster.
_SUBJECTS = {
    "cluster-admin": _groups("system:masters"),
    # As in kubeadm: nodes with a bootstrap token get a certificate, and renew it themselves.
    f"{_REQUESTS}:nodeclient": _groups("system:bootstrappers"),
    f"{_REQUESTS}:selfnodeclient": _groups("system:nodes"),
    "system:node-bootstrapper": _groups("system:bootstrappers"),
    "system:basic-user": _groups("system:authenticated"),
    "system:discovery": _groups("system:authenticated"),
    "system:fairlead-dns": _component("fairlead-dns"),
    # Nodes of a lab remove the folders of deleted volumes, which no Pod uses.
    "system:fairlead-node-volumes": _groups("system:nodes"),
    "system:fairlead-publisher": _component("fairlead-publisher"),
    "system:fairlead-router": _component("fairlead-router"),
    "system:kube-controller-manager": _user("system:kube-controller-manager"),
    "system:kube-scheduler": _user("system:kube-scheduler"),
    "system:kubelet-api-admin": _user("kube-apiserver-kubelet-client"),  # the API server itself, as nodes know it
    "system:node-proxier": _user("system:kube-proxy"),
    "system:public-info-viewer": _groups("system:authenticated", "system:unauthenticated"),
    "system:service-account-issuer-discovery": _groups("system:serviceaccounts"),
}


# A ClusterRole with this label is aggregated into the role in the label, as these are into each other.
_AGGREGATION_LABEL = "rbac.authorization.k8s.io/aggregate-to-{}"
_AGGREGATED_TO: dict[str, str | None] = {"admin": None, "edit": "admin", "view": "edit"}


def cluster_roles() -> list[Doc]:
    return [{"metadata": _role_metadata(name), **_aggregation(name), "rules": rules} for name, rules in ROLES.items()]


def cluster_role_bindings(*, enforces_policies: bool = False) -> list[Doc]:
    """Bindings of the same names as their roles.

    Args:
        enforces_policies: whether the nodes' proxies enforce policies; otherwise they do not need to read the related
            kinds.
    """
    more = {_POLICIES: _user("system:kube-proxy")} if enforces_policies else {}
    return [
        {
            "metadata": _metadata(name),
            "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": name},
            "subjects": subjects,
        }
        for name, subjects in (_SUBJECTS | more).items()
    ]


def _metadata(name: str, labels: Mapping[str, str] = MappingProxyType({})) -> Doc:
    return {
        "name": name,
        "labels": {"kubernetes.io/bootstrapping": "rbac-defaults", **labels},
        "annotations": {AUTOUPDATE: "true"},
    }


def _role_metadata(name: str) -> Doc:
    above = _AGGREGATED_TO.get(name)
    return _metadata(name, {_AGGREGATION_LABEL.format(above): "true"} if above else {})


def _aggregation(name: str) -> Doc:
    """The ClusterRoles whose rules are aggregated into a role; upstream's aggregated roles have no rules of their
    own."""
    if name not in _AGGREGATED_TO:
        return {}
    return {"aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {_AGGREGATION_LABEL.format(name): "true"}}]}}
