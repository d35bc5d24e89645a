"""``pods/ephemeralcontainers``: containers that are added to a running Pod, for debugging, and stay.

Upstream: ``ValidatePodEphemeralContainersUpdate`` and ``validateEphemeralContainers`` in
pkg/apis/core/validation/validation.go, ``podEphemeralContainersStrategy`` in pkg/registry/core/pod/strategy.go.
"""

from collections.abc import Sequence

import msgspec

from fairlead.model.document import Doc
from fairlead.registry.field_errors import FieldError, forbidden, go_format, not_found
from fairlead.registry.kinds.core.pod.validate_containers import validate_common, validate_name
from fairlead.registry.strategy import Side

_FIELD, _PATH = "ephemeralContainers", "spec.ephemeralContainers"
_MIRROR = "kubernetes.io/config.mirror"
_REFUSED = "cannot be set for an Ephemeral Container"
_ALLOWED = frozenset(
    {
        *("name", "image", "command", "args", "workingDir", "env", "envFrom", "volumeMounts", "volumeDevices"),
        *("terminationMessagePath", "terminationMessagePolicy", "imagePullPolicy", "securityContext"),
        *("stdin", "stdinOnce", "tty", "targetContainerName"),
    }
)
_PARTS_OF_VOLUMES = ("subPath", "subPathExpr")


def prepare(new: Doc, old: Doc) -> Doc:
    """Only the ephemeral containers change; labels do not."""
    result: Doc = msgspec.json.decode(msgspec.json.encode(old))
    if containers := new["spec"].get(_FIELD):
        result["spec"][_FIELD] = containers
    else:
        result["spec"].pop(_FIELD, None)
    return result


def validate(new: Doc, old: Doc) -> list[FieldError]:
    """The faults of a Pod with more ephemeral containers than before."""
    if _MIRROR in (old["metadata"].get("annotations") or {}):
        return [forbidden("", "static pods do not support ephemeral containers")]
    return [
        *_containers(new["spec"]),
        *_changed_containers(new["spec"].get(_FIELD) or (), old["spec"].get(_FIELD) or ()),
    ]


def _containers(spec: Doc) -> list[FieldError]:
    faults: list[FieldError] = []
    others = {each["name"] for kind in ("containers", "initContainers") for each in spec.get(kind) or ()}
    names, volumes = set(others), {volume.get("name", "") for volume in spec.get("volumes") or ()}
    for index, container in enumerate(spec.get(_FIELD) or ()):
        place = f"{_PATH}[{index}]"
        faults += validate_name(place, container.get("name", ""), names)
        faults += validate_common(place, container, volumes)
        target = container.get("targetContainerName")
        if target and target not in others:
            faults.append(not_found(f"{place}.targetContainerName", target))
        refused = sorted(field for field, value in container.items() if value and field not in _ALLOWED)
        faults += [forbidden(f"{place}.{field}", _REFUSED) for field in refused]
        faults += _parts(place, container)
    return faults


def _parts(place: str, container: Doc) -> list[FieldError]:
    return [
        forbidden(f"{place}.volumeMounts[{index}].{field}", _REFUSED)
        for index, mount in enumerate(container.get("volumeMounts") or ())
        for field in _PARTS_OF_VOLUMES
        if mount.get(field)
    ]


def _changed_containers(new: Sequence[Doc], old: Sequence[Doc]) -> list[FieldError]:
    """Existing ephemeral containers must not change."""
    found = {container.get("name"): container for container in new}
    faults = []
    for container in old:
        name = container["name"]
        now = found.get(name)
        if now is None:
            faults.append(forbidden(_PATH, f'existing ephemeral containers "{name}" may not be removed\n'))
        elif now != container:
            difference = f"- {go_format(container)}\n+ {go_format(now)}"
            faults.append(forbidden(_PATH, f'existing ephemeral containers "{name}" may not be changed\n{difference}'))
    return faults


EPHEMERAL_CONTAINERS = Side(prepare, validate)
