"""``pods/binding``: how a scheduler gives a Pod its node. Upstream: ``pkg/registry/core/pod/storage/storage.go``."""

import msgspec

from fairlead.model.document import Doc
from fairlead.registry.environment import Environment, Write
from fairlead.registry.field_errors import required
from fairlead.registry.requests import RequestTarget
from fairlead.registry.status import conflict, invalid, not_found, success
from fairlead.registry.store import State, Step, put

_NAMED = {"kind": "Binding", "apiVersion": "v1"}


def bind(state: State, target: RequestTarget, binding: Doc, env: Environment, dry_run: bool) -> tuple[bytes, Step]:
    """Give the Pod the node that the Binding names; the answer is a Status.

    Raises:
        ApiError: 404 no such Pod, 422 no node named, 409 the Pod has one already or is being deleted.
    """
    resource = target.resource
    stored = state.get(resource.storage, target.key)
    if stored is None:
        raise not_found(resource.plural, target.name)
    binding = env.admitted(Write(state, target, {**_NAMED, **binding}, None, dry_run))
    to = binding.get("target")
    node = to.get("name") if isinstance(to, dict) else None
    if not isinstance(node, str) or not node:
        raise invalid("Binding", target.name, [required("target.name")])
    pod: Doc = msgspec.json.decode(stored.document)
    if pod["metadata"].get("deletionTimestamp"):
        why = f"pod {target.name} is being deleted, cannot be assigned to a host"
        raise conflict("pods/binding", target.name, why)
    bound = pod["spec"].get("nodeName")
    if bound:
        raise conflict("pods/binding", target.name, f'pod {target.name} is already assigned to node "{bound}"')
    pod["spec"]["nodeName"] = node
    _set_scheduled(pod, env.now)
    step = put(Step(state), resource.storage, target.key, pod, env.kinds.strategy(resource).fields)
    return msgspec.json.encode(success(201)), Step(state) if dry_run else step


def _set_scheduled(pod: Doc, now: str) -> None:
    status = pod.setdefault("status", {})
    others = [c for c in status.get("conditions") or [] if c.get("type") != "PodScheduled"]
    scheduled = {"type": "PodScheduled", "status": "True", "lastTransitionTime": now}
    status["conditions"] = [*others, scheduled]
