"""The usage of one object in the quotas of its namespace, by the name of each resource that a quota can limit.

Upstream: ``pkg/quota/v1/evaluator/core``.
"""

from fractions import Fraction

from fairlead.model.document import Doc
from fairlead.model.quantities import quantity
from fairlead.registry.kinds.core.pod.amounts import Amounts, pod_amounts
from fairlead.registry.resources import Resource

# Kinds that quotas name without their group.
_PLAIN = frozenset(
    {
        *("configmaps", "persistentvolumeclaims", "pods", "replicationcontrollers", "resourcequotas", "secrets"),
        "services",
    }
)
_ENDED = ("Failed", "Succeeded")
_ONE = Fraction(1)
# The fields that each container must have if a quota limits them.
COMPUTE = ("cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory")


def usage_of(resource: Resource, document: Doc | None) -> Amounts:
    """The usage of an object; empty if there is none."""
    if document is None:
        return {}
    found = {f"count/{resource.qualified}": _ONE}
    if resource.kind == "Pod":
        return found | _pod(document)
    if not resource.group and resource.plural in _PLAIN:
        found[resource.plural] = _ONE
    if resource.kind == "Service":
        found |= _service(document["spec"])
    if resource.kind == "PersistentVolumeClaim":
        found |= _claim(document["spec"])
    return found


def _pod(pod: Doc) -> Amounts:
    if (pod.get("status") or {}).get("phase") in _ENDED:
        return {}
    requests, limits = (pod_amounts(pod["spec"], field) for field in ("requests", "limits"))
    found = {"pods": _ONE, **requests}
    found |= {f"requests.{name}": amount for name, amount in requests.items()}
    return found | {f"limits.{name}": amount for name, amount in limits.items()}


def _service(spec: Doc) -> Amounts:
    ports = spec.get("ports") or ()
    found: Amounts = {}
    if spec.get("type") == "LoadBalancer":
        found["services.loadbalancers"] = _ONE
    if spec.get("type") in ("LoadBalancer", "NodePort"):
        found["services.nodeports"] = Fraction(sum(bool(port.get("nodePort")) for port in ports))
    return found


def _claim(spec: Doc) -> Amounts:
    amount = quantity(str(((spec.get("resources") or {}).get("requests") or {}).get("storage", "0"))) or Fraction()
    found = {"requests.storage": amount}
    if name := spec.get("storageClassName"):
        suffix = f"{name}.storageclass.storage.k8s.io"
        found |= {f"{suffix}/requests.storage": amount, f"{suffix}/persistentvolumeclaims": _ONE}
    return found


def lacking(pod: Doc, hard: Doc) -> list[str]:
    """Missing fields of containers that a quota limits: ``limits.cpu for: c``."""
    found = []
    for name in (name for name in COMPUTE if name in hard):
        field, _, resource = name.rpartition(".")
        containers = [*(pod["spec"].get("containers") or ()), *(pod["spec"].get("initContainers") or ())]
        silent = [
            each.get("name", "")
            for each in containers
            if resource not in ((each.get("resources") or {}).get(field or "requests") or {})
        ]
        if silent:
            found.append(f"{name} for: {','.join(silent)}")
    return sorted(found)


def in_scope(pod: Doc, spec: Doc) -> bool:
    """Whether a quota with scopes applies to the Pod."""
    terms = [{"scopeName": scope, "operator": "Exists"} for scope in spec.get("scopes") or ()]
    terms += (spec.get("scopeSelector") or {}).get("matchExpressions") or ()
    return all(_matches(pod, term) for term in terms)


def _matches(pod: Doc, term: Doc) -> bool:
    spec = pod["spec"]
    is_best_effort = (pod.get("status") or {}).get("qosClass") == "BestEffort"
    ends = spec.get("activeDeadlineSeconds") is not None
    scopes = {"Terminating": ends, "NotTerminating": not ends, "BestEffort": is_best_effort}
    scopes["NotBestEffort"] = not is_best_effort
    name = term.get("scopeName", "")
    if name != "PriorityClass":
        return scopes.get(name, False)
    given, values = spec.get("priorityClassName", ""), term.get("values") or ()
    held = {"In": given in values, "NotIn": given not in values, "Exists": bool(given), "DoesNotExist": not given}
    return held.get(term.get("operator", ""), False)
