"""The ClusterRoles and bindings of a lab's parts, for a control plane that does not define them."""

from fairlead.app.lab.plan import LabManifest
from fairlead.model.document import Doc
from fairlead.registry.access.rules import RBAC
from fairlead.registry.bootstrap.roles import cluster_role_bindings, cluster_roles

CONTROLLERS_USER = "fairlead-controllers"
_OWN = "system:fairlead-"
_KUBELETS = "system:kubelet-api-admin"  # upstream has the role without a binding


def rights(*, enforces_policies: bool) -> tuple[LabManifest, ...]:
    """The documents, in the order in which they are to be applied."""
    roles = [each for each in cluster_roles() if each["metadata"]["name"].startswith(_OWN)]
    bindings = [
        each
        for each in cluster_role_bindings(enforces_policies=enforces_policies)
        if each["metadata"]["name"].startswith((_OWN, _KUBELETS))
    ]
    documents = [
        *(_document("ClusterRole", each) for each in (*roles, _controllers_role())),
        *(_document("ClusterRoleBinding", each) for each in (*bindings, _controllers_binding())),
    ]
    return tuple(LabManifest("system manifest", document) for document in documents)


def _document(kind: str, rest: Doc) -> Doc:
    return {"apiVersion": f"{RBAC}/v1", "kind": kind, **rest}


def _controllers_role() -> Doc:
    """Only our load balancer controller runs besides kube-controller-manager."""
    rules = [
        {"apiGroups": [""], "resources": ["services"], "verbs": ["get", "list", "watch", "patch"]},
        {"apiGroups": [""], "resources": ["services/status"], "verbs": ["patch"]},
        {"apiGroups": ["", "events.k8s.io"], "resources": ["events"], "verbs": ["create", "patch", "update"]},
    ]
    return {"metadata": {"name": CONTROLLERS_USER}, "rules": rules}


def _controllers_binding() -> Doc:
    return {
        "metadata": {"name": CONTROLLERS_USER},
        "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": CONTROLLERS_USER},
        "subjects": [{"apiGroup": RBAC, "kind": "User", "name": CONTROLLERS_USER}],
    }
