"""Defaults of a Pod. Upstream: pkg/apis/core/v1/defaults.go.

The same defaults fill the Pod templates of workloads, but for those that only a Pod itself has. What admission plug-ins
add to a Pod is in ``priority``, ``tolerations`` and ``service_account``.
"""

from collections.abc import Iterator

from fairlead.model.document import Doc
from fairlead.model.quantities import spelled
from fairlead.registry.kinds.core.pod.amounts import pod_amounts

FILE_MODE = 420  # 0644
TOKEN_SECONDS = 3600

_CONTAINER_LISTS = ("containers", "initContainers", "ephemeralContainers")
_SPEC = {
    "restartPolicy": "Always",
    "terminationGracePeriodSeconds": 30,
    "dnsPolicy": "ClusterFirst",
    "schedulerName": "default-scheduler",
}
_CONTAINER = {"terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File"}
_PROBE = {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}
_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_HTTP_GET = {"path": "/", "scheme": "HTTP"}
_SOURCES: dict[str, Doc] = {
    "azureDisk": {"cachingMode": "ReadWrite", "fsType": "ext4", "kind": "Shared", "readOnly": False},
    "hostPath": {"type": ""},
    "iscsi": {"iscsiInterface": "default"},
    "rbd": {"keyring": "/etc/ceph/keyring", "pool": "rbd", "user": "admin"},
    "scaleIO": {"fsType": "xfs", "storageMode": "ThinProvisioned"},
}
_SHARED = ("cpu", "memory")  # what a Pod can request for all its containers, besides huge pages
_VOLUME_MODES = ("configMap", "downwardAPI", "projected", "secret")


def default(pod: Doc) -> None:
    """Fill in missing fields of a Pod."""
    spec = pod.setdefault("spec", {})
    default_spec(spec)
    spec.setdefault("enableServiceLinks", True)
    spec["serviceAccountName"] = spec["serviceAccount"] = spec.get("serviceAccountName") or "default"
    for container in _containers(spec, "containers", "initContainers"):
        _default_requests(container)
        if spec.get("hostNetwork"):
            _default_host_ports(container)
    _default_pod_requests(spec)


def default_spec(spec: Doc) -> None:
    """Fill in missing fields of a Pod's spec, or of the one in a template."""
    _fill(spec, _SPEC)
    spec.setdefault("securityContext", {})
    if account := spec.get("serviceAccountName") or spec.get("serviceAccount"):
        spec["serviceAccountName"] = spec["serviceAccount"] = account  # the second is the first's name of old
    for container in _containers(spec, *_CONTAINER_LISTS):
        _default_container(container)
    for volume in spec.get("volumes") or ():
        _default_volume(volume)


def _fill(document: Doc, defaults: Doc) -> None:
    for field, value in defaults.items():
        if document.get(field) in (None, ""):
            document[field] = value


def _containers(spec: Doc, *lists: str) -> Iterator[Doc]:
    for name in lists:
        yield from spec.get(name) or ()


def _default_container(container: Doc) -> None:
    _fill(container, _CONTAINER)
    if not container.get("imagePullPolicy"):
        container["imagePullPolicy"] = _pull_policy(container.get("image", ""))
    container.setdefault("resources", {})
    for port in container.get("ports") or ():
        _fill(port, {"protocol": "TCP"})
    for variable in container.get("env") or ():
        _default_field_ref(variable.get("valueFrom") or {})
    for name in _PROBES:
        if name in container:
            _default_probe(container[name])
    for hook in (container.get("lifecycle") or {}).values():
        if isinstance(hook, dict) and "httpGet" in hook:
            _fill(hook["httpGet"], _HTTP_GET)


def _pull_policy(image: str) -> str:
    """An image that has neither tag nor digest, or the tag latest, is pulled each time."""
    name, _, digest = image.partition("@")
    tag = name.rpartition("/")[2].partition(":")[2] or ("" if digest else "latest")
    return "Always" if tag == "latest" else "IfNotPresent"


def _default_probe(probe: Doc) -> None:
    for field, value in _PROBE.items():
        probe[field] = probe.get(field) or value
    if "httpGet" in probe:
        _fill(probe["httpGet"], _HTTP_GET)
    if "grpc" in probe:
        probe["grpc"].setdefault("service", "")


def _default_requests(container: Doc) -> None:
    """A container with a limit and no request has the limit as its request."""
    resources = container["resources"]
    if limits := resources.get("limits"):
        resources["requests"] = {**limits, **(resources.get("requests") or {})}


def _default_pod_requests(spec: Doc) -> None:
    """A Pod with limits of its own requests what its containers do together, and the limit where they say nothing."""
    resources = spec.get("resources") or {}
    if not (limits := resources.get("limits")):
        return
    together = pod_amounts({**spec, "overhead": {}}, "requests")
    of_containers = {name: spelled(together[name], limits.get(name, "")) for name in _SHARED if name in together}
    resources["requests"] = {**limits, **of_containers, **(resources.get("requests") or {})}


def _default_host_ports(container: Doc) -> None:
    """In the node's network, a container's ports are the node's. A template does not say so: its Pods do."""
    for port in container.get("ports") or ():
        port["hostPort"] = port.get("hostPort") or port.get("containerPort", 0)


def _default_volume(volume: Doc) -> None:
    if not any(key != "name" for key in volume):
        volume["emptyDir"] = {}
    for kind in _VOLUME_MODES:
        if kind in volume:
            volume[kind].setdefault("defaultMode", FILE_MODE)
    default_source(volume)
    if claim := (volume.get("ephemeral") or {}).get("volumeClaimTemplate"):
        claim.setdefault("spec", {}).setdefault("volumeMode", "Filesystem")
    if image := volume.get("image"):
        _fill(image, {"pullPolicy": _pull_policy(image.get("reference", ""))})
    for item in (volume.get("downwardAPI") or {}).get("items") or ():
        _default_field_ref(item)
    for source in (volume.get("projected") or {}).get("sources") or ():
        _default_projection(source)


def default_source(holder: Doc) -> None:
    """Fill in missing fields of a volume's source, in a Pod or in a PersistentVolume."""
    for kind, defaults in _SOURCES.items():
        if kind in holder:
            holder[kind] |= {field: value for field, value in defaults.items() if not holder[kind].get(field)}


def _default_projection(source: Doc) -> None:
    if "serviceAccountToken" in source:
        source["serviceAccountToken"].setdefault("expirationSeconds", TOKEN_SECONDS)
    for item in (source.get("downwardAPI") or {}).get("items") or ():
        _default_field_ref(item)


def _default_field_ref(holder: Doc) -> None:
    if "fieldRef" in holder:
        holder["fieldRef"].setdefault("apiVersion", "v1")
    if "fileKeyRef" in holder:
        holder["fileKeyRef"].setdefault("optional", False)
    if "resourceFieldRef" in holder:
        holder["resourceFieldRef"].setdefault("divisor", "0")
