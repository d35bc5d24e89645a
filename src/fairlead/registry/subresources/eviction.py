"""``pods/eviction``: a deletion that a disruption budget can refuse, used by ``kubectl drain``.

A budget is charged in the same step as the Pod is deleted, so two evictions can never both use the last allowed
disruption.
Upstream: ``pkg/registry/core/pod/storage/eviction.go``.
"""

import msgspec

from fairlead.model.decode import decode
from fairlead.model.document import Doc
from fairlead.model.names import ObjectKey
from fairlead.model.objects import Pod
from fairlead.model.workloads import PodDisruptionBudget
from fairlead.registry.environment import Environment, Write
from fairlead.registry.requests import RequestTarget
from fairlead.registry.resources import BY_STORAGE
from fairlead.registry.status import ApiError, bad_request, internal_error, not_found, success
from fairlead.registry.store import State, Step, put
from fairlead.registry.verbs.deletion import DeleteOptions, delete

BUDGETS = "poddisruptionbudgets.policy"
_REFUSED = "Cannot evict pod as it would violate the pod's disruption budget."
_RETRY_SECONDS = 10


_NAMED = {"kind": "Eviction", "apiVersion": "policy/v1"}


def evict(
    state: State, target: RequestTarget, eviction: Doc, options: DeleteOptions, env: Environment
) -> tuple[bytes, Step]:
    """Delete the Pod if its disruption budget allows; the answer is a Status.

    Raises:
        ApiError: 404 no such Pod, 400 another Pod is named, 429 not now, 500 two budgets.
    """
    stored = state.get(target.resource.storage, target.key)
    if stored is None:
        raise not_found(target.resource.plural, target.name)
    named = (eviction.get("metadata") or {}).get("name") or target.name
    if named != target.name:
        raise bad_request("name in URL does not match name in Eviction object")
    env.admitted(Write(state, target, {**_NAMED, **eviction}, None, options.dry_run))
    pod = decode(Pod, stored.document)
    charged = Step(state) if _is_free(pod) else _charge(Step(state), pod, env)
    deleted = delete(charged.state, target, options, env.unguarded)
    step = Step(deleted.step.state, charged.changes + deleted.step.changes)
    return msgspec.json.encode(success(201)), Step(state) if options.dry_run else step


def _is_free(pod: Pod) -> bool:
    """Whether the Pod is not running, so its eviction needs no budget."""
    return pod.is_terminating or pod.is_finished or pod.status.phase == "Pending"


def _charge(step: Step, pod: Pod, env: Environment) -> Step:
    budgets = _budgets_of(step.state, pod)
    if not budgets:
        return step
    if len(budgets) > 1:
        raise internal_error(
            "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
        )
    ((key, budget),) = budgets
    if not pod.is_ready and _spares_the_broken(budget):
        return step
    _check(budget)
    stored = step.state.get(BUDGETS, key)
    assert stored is not None
    document: Doc = msgspec.json.decode(stored.document)
    document["status"]["disruptionsAllowed"] -= 1
    document["status"].setdefault("disruptedPods", {})[pod.name] = env.now
    return put(step, BUDGETS, key, document, env.kinds.strategy(BY_STORAGE[BUDGETS]).fields)


def _budgets_of(state: State, pod: Pod) -> list[tuple[ObjectKey, PodDisruptionBudget]]:
    stored = ((key, each) for key, each in state.of(BUDGETS).items() if key.namespace == pod.namespace)
    budgets = [(key, decode(PodDisruptionBudget, each.document)) for key, each in stored]
    return [(key, budget) for key, budget in budgets if budget.selects(pod)]


def _spares_the_broken(budget: PodDisruptionBudget) -> bool:
    """Whether a Pod that is not ready can be evicted without the budget."""
    status = budget.status
    enough = status.current_healthy >= status.desired_healthy > 0
    return enough or budget.spec.unhealthy_pod_eviction_policy == "AlwaysAllow"


def _check(budget: PodDisruptionBudget) -> None:
    status = budget.status
    if status.observed_generation < budget.metadata.generation:
        raise _not_now(f"The disruption budget {budget.name} is still being processed by the server.", _RETRY_SECONDS)
    if status.disruptions_allowed <= 0:
        raise _not_now(
            f"The disruption budget {budget.name} needs {status.desired_healthy} healthy pods "
            f"and has {status.current_healthy} currently"
        )


def _not_now(why: str, seconds: int = 0) -> ApiError:
    details: Doc = {"causes": [{"reason": "DisruptionBudget", "message": why}]}
    if seconds:
        details["retryAfterSeconds"] = seconds
    return ApiError(429, "TooManyRequests", _REFUSED, details)
