"""AppArmor profiles in annotations, as they were before there was a field for them.

Upstream: ``applyAppArmorVersionSkew`` in pkg/registry/core/pod/strategy.go.
"""

from fairlead.model.document import Doc

_PREFIX = "container.apparmor.security.beta.kubernetes.io/"
_PROFILES = {"runtime/default": "RuntimeDefault", "unconfined": "Unconfined"}
_LOCAL = "localhost/"
_LISTS = ("initContainers", "containers", "ephemeralContainers")


def read_annotations(pod: Doc) -> None:
    """Set the field of each container that has only the annotation, and another profile than the whole Pod."""
    spec, annotations = pod["spec"], pod["metadata"].get("annotations")
    if not annotations or (spec.get("os") or {}).get("name") == "windows":
        return
    of_the_pod = (spec.get("securityContext") or {}).get("appArmorProfile")
    for container in (each for name in _LISTS for each in spec.get(name) or ()):
        profile = _profile(annotations.get(_PREFIX + container.get("name", ""), ""))
        is_said = (container.get("securityContext") or {}).get("appArmorProfile") is not None
        if profile and not is_said and profile != of_the_pod:
            container["securityContext"] = {**(container.get("securityContext") or {}), "appArmorProfile": profile}


def _profile(text: str) -> Doc:
    """The field's value for an annotation's; empty for a wrong one."""
    if text in _PROFILES:
        return {"type": _PROFILES[text]}
    name = text.removeprefix(_LOCAL)
    return {"type": "Localhost", "localhostProfile": name} if text.startswith(_LOCAL) and name else {}
