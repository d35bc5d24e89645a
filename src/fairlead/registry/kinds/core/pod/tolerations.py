"""Default tolerations: how long a Pod stays on a Node that is not ready.

Upstream: plugin/pkg/admission/defaulttolerationseconds/admission.go.
"""

from fairlead.model.document import Doc
from fairlead.registry.strategy import Context

_TAINTS = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
_EFFECT = "NoExecute"


def add_tolerations(pod: Doc, context: Context) -> None:
    """Add a toleration for each of these taints that the Pod does not mention."""
    spec, seconds = pod["spec"], context.cluster.toleration_seconds
    present = spec.get("tolerations") or []
    added = [
        {"key": taint, "operator": "Exists", "effect": _EFFECT, "tolerationSeconds": seconds}
        for taint in _TAINTS
        if not any(_is_about(toleration, taint) for toleration in present)
    ]
    if added:
        spec["tolerations"] = [*present, *added]


def _is_about(toleration: Doc, taint: str) -> bool:
    return toleration.get("key", "") in ("", taint) and toleration.get("effect", "") in ("", _EFFECT)
