"""The ServiceAccount of a Pod: it must exist, and its token is mounted into every container.

Upstream: plugin/pkg/admission/serviceaccount/admission.go. Upstream waits a while for the account ``default`` of a new
    namespace; here the Pod is accepted at once, and its node waits.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from fairlead.model.document import Doc
from fairlead.model.names import ObjectKey
from fairlead.registry.kinds.core.pod.classes import refused
from fairlead.registry.object_meta import generate_name
from fairlead.registry.strategy import Context

MOUNT_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"
VOLUME_PREFIX = "kube-api-access-"
TOKEN_SECONDS = 3607  # upstream's; the extra seven seconds mark such tokens as injected

_PROJECTED: Doc = {
    "defaultMode": 420,
    "sources": [
        {"serviceAccountToken": {"path": "token", "expirationSeconds": TOKEN_SECONDS}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {
            "downwardAPI": {
                "items": [{"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}]
            }
        },
    ],
}


def admit(pod: Doc, context: Context) -> None:
    """Add the token and the image pull Secrets of its ServiceAccount to a new Pod.

    Raises:
        ApiError: 403, there is no such account.
    """
    spec, account = pod["spec"], _account(pod, context)
    if _automounts(spec, account):
        _mount_token(spec, context.choose)
    if not spec.get("imagePullSecrets") and account.get("imagePullSecrets"):
        spec["imagePullSecrets"] = account["imagePullSecrets"]


def is_token(keys: Mapping[str, Any]) -> bool:
    """Whether a volume or mount, by the keys of its list, is the token's."""
    return keys.get("mountPath") == MOUNT_PATH or str(keys.get("name", "")).startswith(VOLUME_PREFIX)


def _account(pod: Doc, context: Context) -> Doc:
    namespace, name = pod["metadata"].get("namespace", ""), pod["spec"]["serviceAccountName"]
    stored = context.state.of("serviceaccounts").get(ObjectKey(namespace, name))
    if stored is not None:
        found: Doc = msgspec.json.decode(stored.document)
        return found
    if name == "default":
        return {}
    why = f'error looking up service account {namespace}/{name}: serviceaccount "{name}" not found'
    raise refused(pod, why)


def _automounts(spec: Doc, account: Doc) -> bool:
    """The Pod's setting comes before its account's."""
    wishes = (spec.get("automountServiceAccountToken"), account.get("automountServiceAccountToken"))
    return bool(next((wish for wish in wishes if wish is not None), True))


def _mount_token(spec: Doc, choose: Callable[[int], int]) -> None:
    """Mount the token where nothing else is mounted. A volume of that kind that the user brought is used as it is."""
    containers = [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]
    lacking = [container for container in containers if not _mounts_something(container)]
    volumes = spec.get("volumes") or []
    name = next((volume["name"] for volume in volumes if volume.get("name", "").startswith(VOLUME_PREFIX)), "")
    if lacking and not name:
        name = generate_name(VOLUME_PREFIX, choose)
        spec["volumes"] = [*volumes, {"name": name, "projected": _PROJECTED}]
    for container in lacking:
        mount = {"name": name, "readOnly": True, "mountPath": MOUNT_PATH}
        container["volumeMounts"] = [*(container.get("volumeMounts") or ()), mount]


def _mounts_something(container: Doc) -> bool:
    return any(mount.get("mountPath") == MOUNT_PATH for mount in container.get("volumeMounts") or ())
