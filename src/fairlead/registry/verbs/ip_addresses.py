"""IPAddress objects of the virtual IPs that Services hold: written and deleted in the step that takes or frees the IP.

The state's own table of addresses is authoritative; the objects reflect it. If they differ, because a user deleted one
or the store is older than these objects, ``repair`` fixes the objects. Upstream: KEP-1880 and
pkg/registry/core/service/ipallocator/controller/repairip.go.
"""

from collections.abc import Iterable

import msgspec

from fairlead.model.document import Doc
from fairlead.model.names import ObjectKey
from fairlead.registry.environment import Environment, Kinds
from fairlead.registry.kinds.networking.ip_address import for_service, is_of_a_service
from fairlead.registry.resources import BY_PATH
from fairlead.registry.store import Step, put, remove

_RESOURCE = BY_PATH["networking.k8s.io", "v1", "ipaddresses"]


def publish(step: Step, ips: Iterable[str], env: Environment) -> Step:
    """Write the object of each address that a Service holds now."""
    for ip in ips:
        service = step.state.ips[ip]
        document = for_service(ip, service)
        document["metadata"] |= {"uid": env.new_uid(), "creationTimestamp": env.now, "generation": 1}
        step = put(step, _RESOURCE.storage, _key(ip), document, env.kinds.strategy(_RESOURCE).fields)
    return step


def withdraw(step: Step, ips: Iterable[str], kinds: Kinds) -> Step:
    """Delete the object of each address that no Service holds any more."""
    for ip in ips:
        document = _stored_address(step, ip)
        if document is not None and is_of_a_service(document):
            step = remove(step, _RESOURCE.storage, _key(ip), document, kinds.strategy(_RESOURCE).fields)
    return step


def repair(step: Step, env: Environment) -> Step:
    """The step to a state whose objects say exactly which Service holds which address; without changes when they do."""
    objects = step.state.of(_RESOURCE.storage)
    orphans = [key.name for key in objects if _is_orphan(step, key.name)]
    step = withdraw(step, sorted(orphans), env.kinds)
    held = {ip for ip, owner in step.state.ips.items() if owner.namespace}
    return publish(step, sorted(held - {key.name for key in step.state.of(_RESOURCE.storage)}), env)


def _is_orphan(step: Step, ip: str) -> bool:
    document = _stored_address(step, ip)
    assert document is not None
    owner = step.state.ip_owner(ip)
    return is_of_a_service(document) and (owner is None or for_service(ip, owner)["spec"] != document["spec"])


def _stored_address(step: Step, ip: str) -> Doc | None:
    stored = step.state.get(_RESOURCE.storage, _key(ip))
    if stored is None:
        return None
    document: Doc = msgspec.json.decode(stored.document)
    return document


def _key(ip: str) -> ObjectKey:
    return ObjectKey("", ip)
