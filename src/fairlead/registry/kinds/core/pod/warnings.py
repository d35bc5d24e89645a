"""Warnings about valid fields of a Pod, or a Pod template, that might not have the expected effect.

Upstream: ``pkg/api/pod/warnings.go``, ``pkg/api/node/util.go``.
"""

from collections.abc import Iterator
from typing import Any

from fairlead.model.document import Doc
from fairlead.model.names import dns1123_label_errors
from fairlead.model.quantities import quantity

_OLD_NODE_LABELS = {
    "beta.kubernetes.io/arch": ("v1.14", "kubernetes.io/arch"),
    "beta.kubernetes.io/instance-type": ("v1.17", "node.kubernetes.io/instance-type"),
    "beta.kubernetes.io/os": ("v1.14", "kubernetes.io/os"),
    "failure-domain.beta.kubernetes.io/region": ("v1.17", "topology.kubernetes.io/region"),
    "failure-domain.beta.kubernetes.io/zone": ("v1.17", "topology.kubernetes.io/zone"),
}
_OLD_ANNOTATIONS = {
    "scheduler.alpha.kubernetes.io/critical-pod": 'non-functional in v1.16+; use the "priorityClassName" field instead',
    "seccomp.security.alpha.kubernetes.io/pod": 'non-functional in v1.27+; use the "seccompProfile" field instead',
}
_OLD_VOLUMES = {
    "cephfs": "deprecated in v1.28, non-functional in v1.31+",
    "flocker": "deprecated in v1.22, non-functional in v1.25+",
    "gitRepo": "deprecated in v1.11, and disabled by default in v1.33+",
    "glusterfs": "deprecated in v1.25, non-functional in v1.26+",
    "photonPersistentDisk": "deprecated in v1.11, non-functional in v1.16+",
    "quobyte": "deprecated in v1.22, non-functional in v1.25+",
    "rbd": "deprecated in v1.28, non-functional in v1.31+",
    "scaleIO": "deprecated in v1.16, non-functional in v1.22+",
    "storageos": "deprecated in v1.22, non-functional in v1.25+",
}
_IN_WHOLE_BYTES = ("memory", "ephemeral-storage")
_NOT_A_HOST = (
    "this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended"
)
_NEGATIVE_GRACE = "must be >= 0; negative values are invalid and will be treated as 1"
_IN_FRACTIONS = 'fractional byte value "{}" is invalid, must be an integer'
_NULL_SELECTOR = "a null labelSelector results in matching no pod"
_REQUIRED, _PREFERRED = (
    "requiredDuringSchedulingIgnoredDuringExecution",
    "preferredDuringSchedulingIgnoredDuringExecution",
)


def pod_warnings(pod: Doc, old: Doc | None) -> list[str]:
    """The warnings about a new or changed Pod."""
    if old is not None and pod["spec"] == old["spec"] and _annotations(pod) == _annotations(old):
        return []
    named = [] if old else name_warnings(pod)
    return [*_annotation_warnings(pod, "metadata"), *spec_warnings(pod["spec"], "spec"), *named]


def template_warnings(template: Doc | None, path: str = "spec.template") -> list[str]:
    """The warnings about a Pod template."""
    if not template:
        return []
    spec = template.get("spec") or {}
    return [*_annotation_warnings(template, f"{path}.metadata"), *spec_warnings(spec, f"{path}.spec")]


def name_warnings(document: Doc) -> list[str]:
    """The warning about a name that host names are made of."""
    why = dns1123_label_errors(document["metadata"].get("name", ""))
    return [f"metadata.name: {_NOT_A_HOST}: [{' '.join(why)}]"] if why else []


def spec_warnings(spec: Doc, path: str) -> Iterator[str]:
    """The warnings about a Pod's spec."""
    for label in sorted(spec.get("nodeSelector") or ()):
        if label in _OLD_NODE_LABELS:
            yield f"{path}.nodeSelector[{label}]: {_old_label(label)}"
    if affinity := spec.get("affinity"):
        yield from _node_affinity(affinity.get("nodeAffinity") or {}, f"{path}.affinity.nodeAffinity")
        yield from _pod_affinities(affinity, f"{path}.affinity")
    yield from _spread(spec.get("topologySpreadConstraints") or (), f"{path}.topologySpreadConstraints")
    yield from _pull_secrets(spec.get("imagePullSecrets") or (), f"{path}.imagePullSecrets")
    for i, volume in enumerate(spec.get("volumes") or ()):
        for kind in sorted(_OLD_VOLUMES.keys() & volume.keys()):
            yield f"{path}.volumes[{i}].{kind}: {_OLD_VOLUMES[kind]}"
    if spec.get("terminationGracePeriodSeconds", 0) < 0:
        yield f"{path}.terminationGracePeriodSeconds: {_NEGATIVE_GRACE}"
    for field in ("initContainers", "containers"):
        for i, container in enumerate(spec.get(field) or ()):
            yield from _container(container, f"{path}.{field}[{i}]")
    yield from _ports(list(_placed_ports(spec, path)))


def _old_label(label: str) -> str:
    version, instead = _OLD_NODE_LABELS[label]
    return f'deprecated since {version}; use "{instead}" instead'


def _annotations(document: Doc) -> Doc:
    annotations: Doc = (document.get("metadata") or {}).get("annotations") or {}
    return annotations


def _annotation_warnings(holder: Doc, path: str) -> list[str]:
    present = _annotations(holder)
    return [f"{path}.annotations[{name}]: {why}" for name, why in _OLD_ANNOTATIONS.items() if name in present]


def _node_affinity(affinity: Doc, path: str) -> Iterator[str]:
    terms = [
        (f"{path}.{_REQUIRED}.nodeSelectorTerms[{i}]", term)
        for i, term in enumerate((affinity.get(_REQUIRED) or {}).get("nodeSelectorTerms") or ())
    ]
    terms += [
        (f"{path}.{_PREFERRED}[{i}].preference", each.get("preference") or {})
        for i, each in enumerate(affinity.get(_PREFERRED) or ())
    ]
    for place, term in terms:
        for i, expression in enumerate(term.get("matchExpressions") or ()):
            if expression.get("key") in _OLD_NODE_LABELS:
                key = expression["key"]
                yield f"{place}.matchExpressions[{i}].key: {key} is {_old_label(key)}"


def _pod_affinities(affinity: Doc, path: str) -> Iterator[str]:
    for kind in ("podAffinity", "podAntiAffinity"):
        chosen = affinity.get(kind) or {}
        terms = [(f"{_REQUIRED}[{i}]", term) for i, term in enumerate(chosen.get(_REQUIRED) or ())]
        terms += [
            (f"{_PREFERRED}[{i}].podAffinityTerm", each.get("podAffinityTerm") or {})
            for i, each in enumerate(chosen.get(_PREFERRED) or ())
        ]
        for place, term in terms:
            if term.get("labelSelector") is None:
                yield f"{path}.{kind}.{place}.labelSelector: {_NULL_SELECTOR}"
            if (key := term.get("topologyKey")) in _OLD_NODE_LABELS:
                yield f"{path}.{kind}.{place}.topologyKey: {key} is {_old_label(key)}"


def _spread(constraints: Any, path: str) -> Iterator[str]:
    for i, each in enumerate(constraints):
        if (key := each.get("topologyKey")) in _OLD_NODE_LABELS:
            yield f"{path}[{i}].topologyKey: {key} is {_old_label(key)}"
        if each.get("labelSelector") is None:
            yield f"{path}[{i}].labelSelector: {_NULL_SELECTOR}"


def _pull_secrets(secrets: Any, path: str) -> Iterator[str]:
    for i, secret in enumerate(secrets):
        if not secret.get("name"):
            yield f'{path}[{i}].name: invalid empty name ""'


def _container(container: Doc, path: str) -> Iterator[str]:
    """Warnings about duplicate fields of a container, and about fractions of a byte."""
    seen: set[str] = set()
    for i, variable in enumerate(container.get("env") or ()):
        name = variable.get("name", "")
        if name in seen and f"$({name})" not in variable.get("value", ""):
            yield f'{path}.env[{i}]: hides previous definition of "{name}", which may be dropped when using apply'
        seen.add(name)
    for field in ("limits", "requests"):
        for resource, text in ((container.get("resources") or {}).get(field) or {}).items():
            amount = quantity(str(text)) if resource in _IN_WHOLE_BYTES else None
            if amount is not None and amount.denominator != 1:
                yield f"{path}.resources.{field}[{resource}]: {_IN_FRACTIONS.format(text)}"


def _placed_ports(spec: Doc, path: str) -> Iterator[tuple[str, Doc]]:
    for i, container in enumerate(spec.get("containers") or ()):
        for j, port in enumerate(container.get("ports") or ()):
            yield f"{path}.containers[{i}].ports[{j}]", port


def _ports(ports: list[tuple[str, Doc]]) -> Iterator[str]:
    """Ports that duplicate an earlier one in all distinguishing fields."""
    first: dict[tuple[Any, ...], str] = {}
    for place, port in ports:
        key = tuple(port.get(name) for name in ("containerPort", "protocol", "hostPort", "hostIP"))
        before = first.setdefault(key, place)
        if before != place:
            yield f"{place}: duplicate port definition with {before}"
