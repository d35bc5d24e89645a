"""The RuntimeClass of a Pod: what the runtime itself needs of a Node, and on which Nodes it is.

Upstream: plugin/pkg/admission/runtimeclass/admission.go.
"""

from fairlead.model.document import Doc
from fairlead.registry.kinds.core.pod.classes import named_class, refused
from fairlead.registry.strategy import ClusterState, Context

_CLASSES = "runtimeclasses.node.k8s.io"
_OTHER = "Pod's Overhead doesn't match RuntimeClass's defined Overhead"
_ALONE = "Pod Overhead set without corresponding RuntimeClass defined Overhead"


def apply_runtime_class(pod: Doc, context: Context) -> None:
    """Give a new Pod what its class says.

    Raises:
        ApiError: 403, there is no such class, or the Pod says something else than its class.
    """
    spec = pod["spec"]
    found = _class(pod, context.state) if spec.get("runtimeClassName") else {}
    _set_overhead(pod, (found.get("overhead") or {}).get("podFixed"))
    _restrict(pod, found.get("scheduling") or {})


def _class(pod: Doc, state: ClusterState) -> Doc:
    name = pod["spec"]["runtimeClassName"]
    return named_class(pod, _CLASSES, name, state, f'pod rejected: RuntimeClass "{name}" not found')


def _set_overhead(pod: Doc, wanted: Doc | None) -> None:
    given = pod["spec"].get("overhead")
    if given and given != wanted:
        raise refused(pod, f"pod rejected: {_OTHER if wanted else _ALONE}")
    if wanted:
        pod["spec"]["overhead"] = wanted


def _restrict(pod: Doc, scheduling: Doc) -> None:
    spec = pod["spec"]
    given, wanted = spec.get("nodeSelector") or {}, scheduling.get("nodeSelector") or {}
    for key in sorted(given.keys() & wanted.keys()):
        if given[key] != wanted[key]:
            places = f"[{key}] = {wanted[key]}; pod.spec.nodeSelector[{key}] = {given[key]}"
            raise refused(pod, f"conflict: runtimeClass.scheduling.nodeSelector{places}")
    if wanted:
        spec["nodeSelector"] = {**given, **wanted}
    tolerations = spec.get("tolerations") or []
    if added := [each for each in scheduling.get("tolerations") or () if each not in tolerations]:
        spec["tolerations"] = [*tolerations, *added]
