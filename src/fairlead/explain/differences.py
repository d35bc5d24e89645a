"""The differences between two versions of an object that can change where packets go, in words."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from fairlead.explain.documents import at, flag, rows, text, texts
from fairlead.model.document import Doc, as_object
from fairlead.model.phrases import Phrase

_SERVICE_FIELDS = (
    ("spec", "type"), ("spec", "selector"), ("spec", "ports"), ("spec", "clusterIPs"), ("spec", "externalName"),
    ("spec", "externalIPs"), ("spec", "externalTrafficPolicy"), ("spec", "internalTrafficPolicy"),
    ("spec", "trafficDistribution"), ("spec", "sessionAffinity"), ("spec", "publishNotReadyAddresses"),
    ("spec", "loadBalancerSourceRanges"), ("spec", "ipFamilies"), ("status", "loadBalancer"),
)  # fmt: skip
_POLICY_FIELDS = (("spec", "podSelector"), ("spec", "policyTypes"), ("spec", "ingress"), ("spec", "egress"))
_LONGEST = 60  # letters of a value that is shown; for a longer one only its field is named


class Cause(NamedTuple):
    """One difference, in words, and the Pod that it is about, if any."""

    words: str
    pod: str = ""


Differences = Callable[[Doc | None, Doc], Iterator[Cause]]


def _of_slice(old: Doc | None, new: Doc) -> Iterator[Cause]:
    """The change of each endpoint that differs."""
    before, after = _states(old), _states(new)
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            yield Cause(_happened(name, before.get(name), after.get(name)), name)


def _happened(pod: str, before: str | None, after: str | None) -> Phrase:
    if after is None:
        return Phrase("{pod} leaves", pod=pod)
    return Phrase("{pod} comes, {state}" if before is None else "{pod} is {state}", pod=pod, state=Phrase(after))


def _states(document: Doc | None) -> dict[str, str]:
    found: dict[str, str] = {}
    for endpoint in rows(document, "endpoints"):
        name = text(endpoint, "targetRef", "name") or next(iter(texts(endpoint, "addresses")), "")
        ready: Any = at(endpoint, "conditions", "ready")
        is_ending = flag(endpoint, "conditions", "terminating")
        found[name] = "ending" if is_ending else "not ready" if ready is False else "ready"
    return found


def _of_fields(kind: str, fields: tuple[tuple[str, ...], ...]) -> Differences:
    """The differences in some fields of an object."""

    def differences(old: Doc | None, new: Doc) -> Iterator[Cause]:
        if old is None:
            yield Cause(Phrase("{kind} is new", kind=kind))
            return
        for path in fields:
            was, will = at(old, *path), at(new, *path)
            if was != will:
                yield Cause(_changed(path[-1], was, will))

    return differences


def _changed(field: str, was: object, will: object) -> Phrase:
    told = _short(field, was), _short(field, will)
    if any(len(each) > _LONGEST for each in told):
        return Phrase("{field} is different", field=field)
    return Phrase(
        "{field}: {was} -> {will}", field=field, was=told[0] or Phrase("none"), will=told[1] or Phrase("none")
    )


def _short(field: str, value: object) -> str:
    if value in (None, "", [], {}):
        return ""
    if field == "ports" and isinstance(value, list):
        return ", ".join(map(_port, value))
    if field == "loadBalancer":
        return ", ".join(text(point, "ip") or text(point, "hostname") for point in rows({"of": value}, "of", "ingress"))
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, Mapping):
        return ",".join(f"{key}={each}" for key, each in value.items())
    return str(value)


def _port(port: object) -> str:
    row = as_object(port)
    target, node_port = row.get("targetPort"), row.get("nodePort")
    return f"{row.get('port')}" + (f"->{target}" if target else "") + (f" ({node_port})" if node_port else "")


DIFFERENCES: Mapping[str, Differences] = {
    "EndpointSlice": _of_slice,
    "Service": _of_fields("Service", _SERVICE_FIELDS),
    "NetworkPolicy": _of_fields("NetworkPolicy", _POLICY_FIELDS),
}
