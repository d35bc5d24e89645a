"""The ClusterRoles and ClusterRoleBindings that every cluster has, as far as there are resources for them here.

Manifests bind ``cluster-admin``, ``admin``, ``edit`` and ``view``. What is not listed is not allowed, so a
new kind is a secret until it is added. Upstream: ``plugin/pkg/auth/authorizer/rbac/bootstrappolicy/policy.go``.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from fairlead.registry.authorization import RBAC

Doc = dict[str, Any]

_READ = ("get", "list", "watch")
_ALL = (*_READ, "create", "delete", "deletecollection", "patch", "update")

_VIEWED = {
    "": "configmaps endpoints events namespaces pods pods/log pods/status serviceaccounts services services/status",
    "apps": (
        "controllerrevisions daemonsets daemonsets/status deployments deployments/scale deployments/status replicasets "
        "replicasets/scale replicasets/status statefulsets statefulsets/scale statefulsets/status"
    ),
    "batch": "jobs jobs/status",
    "discovery.k8s.io": "endpointslices",
    "networking.k8s.io": "ingresses ingresses/status networkpolicies",
    "policy": "poddisruptionbudgets poddisruptionbudgets/status",
}
# Not Endpoints and EndpointSlices, through which one could reach into other namespaces (CVE-2021-25740).
_EDITED = {
    "": (
        "configmaps events pods pods/attach pods/eviction pods/exec pods/portforward pods/proxy secrets "
        "serviceaccounts serviceaccounts/token services services/proxy"
    ),
    "apps": "daemonsets deployments deployments/scale replicasets replicasets/scale statefulsets statefulsets/scale",
    "batch": "jobs",
    "coordination.k8s.io": "leases",
    "networking.k8s.io": "ingresses networkpolicies",
    "policy": "poddisruptionbudgets",
}
_ADMINISTERED = {RBAC: "roles rolebindings", "authorization.k8s.io": "localsubjectaccessreviews"}
_ABOUT_ONESELF = {
    "authentication.k8s.io": "selfsubjectreviews",
    "authorization.k8s.io": "selfsubjectaccessreviews selfsubjectrulesreviews",
}
_ABOUT_OTHERS = {"authentication.k8s.io": "tokenreviews", "authorization.k8s.io": "subjectaccessreviews"}
_FOLLOWED = {"": "namespaces pods services", "discovery.k8s.io": "endpointslices"}  # by the DNS server
_PUBLISHED = {"": "nodes services", "discovery.k8s.io": "endpointslices"}
_PUBLIC = ("/healthz", "/livez", "/readyz", "/version", "/version/")
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
    "system:basic-user": _rules(("create",), _ABOUT_ONESELF),
    "system:discovery": _urls("get", *_DISCOVERY),
    "system:fairlead-dns": _rules(_READ, _FOLLOWED),
    "system:fairlead-publisher": _rules(_READ, _PUBLISHED),
    "system:public-info-viewer": _urls("get", *_PUBLIC),
}


def _groups(*names: str) -> list[Doc]:
    return [{"apiGroup": RBAC, "kind": "Group", "name": name} for name in names]


def _component(name: str) -> list[Doc]:
    return [{"kind": "ServiceAccount", "namespace": "kube-system", "name": name}]


# Those that each role is bound to, all over the cluster.
_SUBJECTS = {
    "cluster-admin": _groups("system:masters"),
    "system:basic-user": _groups("system:authenticated"),
    "system:discovery": _groups("system:authenticated"),
    "system:fairlead-dns": _component("fairlead-dns"),
    "system:fairlead-publisher": _component("fairlead-publisher"),
    "system:public-info-viewer": _groups("system:authenticated", "system:unauthenticated"),
}


def cluster_roles() -> list[Doc]:
    return [{"metadata": _metadata(name), "rules": rules} for name, rules in ROLES.items()]


def cluster_role_bindings() -> list[Doc]:
    """Bindings of the same names as their roles."""
    return [
        {
            "metadata": _metadata(name),
            "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": name},
            "subjects": subjects,
        }
        for name, subjects in _SUBJECTS.items()
    ]


def _metadata(name: str) -> Doc:
    return {"name": name, "labels": {"kubernetes.io/bootstrapping": "rbac-defaults"}}
