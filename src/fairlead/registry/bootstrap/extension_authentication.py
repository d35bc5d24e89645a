"""The ConfigMap ``extension-apiserver-authentication``, by which extension servers authenticate users. It has the
authority of client certificates, and names the certificate whose headers identify users.
Upstream: ``pkg/controlplane/controller/clusterauthenticationtrust``.
"""

import msgspec

from fairlead.model.document import Doc
from fairlead.model.names import ObjectKey
from fairlead.registry.access.rules import RBAC
from fairlead.registry.bootstrap.cluster import change, ensure, row_of
from fairlead.registry.environment import Environment
from fairlead.registry.requests import RequestTarget
from fairlead.registry.store import Step

NAMESPACE, NAME = "kube-system", "extension-apiserver-authentication"
_READER = f"{NAME}-reader"


def ensure_authentication(step: Step, authority: str, proxy: str, env: Environment) -> Step:
    """Create or repair the ConfigMap, and the Role that allows to read it.

    Args:
        authority: the certificate of the authority in PEM; without one there is no ConfigMap.
        proxy: the common name of the certificate with which this server calls others.
    """
    if not authority:
        return step
    maps, data = row_of("", "configmaps"), _data(authority, proxy)
    step = ensure(step, maps, NAMESPACE, {"metadata": {"name": NAME}, "data": data}, env)
    stored = step.state.get(maps.storage, ObjectKey(NAMESPACE, NAME))
    if stored is not None and msgspec.json.decode(stored.document)["data"] != data:
        step = change(step, RequestTarget(maps, NAMESPACE, NAME), lambda old: {**old, "data": data}, env)
    rule = {"verbs": ["get", "list", "watch"], "apiGroups": [""], "resources": ["configmaps"], "resourceNames": [NAME]}
    return ensure(step, row_of(RBAC, "roles"), NAMESPACE, {"metadata": {"name": _READER}, "rules": [rule]}, env)


def _data(authority: str, proxy: str) -> Doc:
    lists = {
        "requestheader-allowed-names": [proxy],
        "requestheader-extra-headers-prefix": ["X-Remote-Extra-"],
        "requestheader-group-headers": ["X-Remote-Group"],
        "requestheader-uid-headers": ["X-Remote-Uid"],
        "requestheader-username-headers": ["X-Remote-User"],
    }
    texts = {name: msgspec.json.encode(names).decode() for name, names in lists.items()}
    return {"client-ca-file": authority, "requestheader-client-ca-file": authority, **texts}
