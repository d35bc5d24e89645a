"""Whether the servers behind APIServices answer: the condition ``Available`` of each.

Upstream: kube-aggregator ``pkg/controllers/status/remote/remote_available_controller.go``.
"""

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from fairlead.model.document import Doc
from fairlead.model.names import ObjectKey
from fairlead.registry.aggregation.extensions import STORAGE, Extension
from fairlead.registry.backend import USUAL_CLUSTER
from fairlead.registry.environment import Environment
from fairlead.registry.questions import Answers, Fetch
from fairlead.registry.requests import RequestTarget
from fairlead.registry.resources import BY_STORAGE, STATUS
from fairlead.registry.status import ApiError
from fairlead.registry.store import State, Step
from fairlead.registry.strategy import ClusterConfig
from fairlead.registry.subresources.proxy import endpoint_of
from fairlead.registry.verbs.generic_store import ObjectUpdate, update

SECONDS = 5  # that a server may take to answer


class AvailabilityVerdict(NamedTuple):
    """The content of a condition, without its times."""

    status: str
    reason: str
    message: str


def question(extension: Extension) -> Fetch:
    """The list of resources of another server's version."""
    return Fetch(extension.server, SECONDS)


def update_conditions(step: Step, found: tuple[Extension, ...], env: Environment) -> Step:
    """Update the conditions with the servers' answers.

    Raises:
        ApiError: one cannot be written.
    """
    for extension in found:
        verdict = judge(extension, step.state, env.answers, env.cluster)
        done = update(step.state, _target(extension.name), _change(verdict, env.now), env)
        step = Step(done.step.state, step.changes + done.step.changes)
    return step


def _target(name: str) -> RequestTarget:
    return RequestTarget(BY_STORAGE[STORAGE], "", name, STATUS)


def _change(verdict: AvailabilityVerdict, now: str) -> ObjectUpdate:
    return ObjectUpdate(
        lambda old: {**old, "status": {"conditions": [_condition(old, verdict, now)]}}, only_existing=True
    )


def _condition(service: Doc, verdict: AvailabilityVerdict, now: str) -> Doc:
    known = next(iter(available(service)), {})
    since = known.get("lastTransitionTime", now) if known.get("status") == verdict.status else now
    said = dict(zip(AvailabilityVerdict._fields, verdict, strict=True))
    return {"type": "Available", **said, "lastTransitionTime": since}


def available(service: Doc) -> Iterator[Doc]:
    """The condition ``Available`` of an APIService, if there is one."""
    conditions = (service.get("status") or {}).get("conditions") or ()
    return (each for each in conditions if each.get("type") == "Available")


def judge(
    extension: Extension, state: State, answers: Answers, cluster: ClusterConfig = USUAL_CLUSTER
) -> AvailabilityVerdict:
    """The state of another server."""
    where = extension.server.service
    assert where is not None
    place = f'service/{where.name} in "{where.namespace}"'
    stored = state.get("services", ObjectKey(where.namespace, where.name))
    if stored is None:
        return AvailabilityVerdict("False", "ServiceNotFound", f"{place} is not present")
    service: Doc = msgspec.json.decode(stored.document)
    if all(port["port"] != where.port for port in service["spec"].get("ports") or ()):
        return AvailabilityVerdict("False", "ServicePortError", f"{place} is not listening on port {where.port}")
    try:
        endpoint_of(state, where.namespace, where.name, where.port, lambda below: 0, cluster)
    except ApiError:
        return AvailabilityVerdict("False", "MissingEndpoints", f"endpoints for {place} have no addresses")
    answer = answers.get(question(extension).key)
    if answer is None or answer.failure:
        why = answer.failure if answer else "it was not asked"
        return AvailabilityVerdict("False", "FailedDiscoveryCheck", f"failing or missing response from {place}: {why}")
    return AvailabilityVerdict("True", "Passed", "all checks passed")
