"""When a container starts again, and after how long. Upstream: ``pkg/kubelet/kuberuntime`` and its back-off manager."""

from collections.abc import Sequence

from fairlead.nodeagent.manifest import RESTART, Container, RestartRule, RunPod

FIRST_DELAY, LAST_DELAY = 10.0, 300.0  # seconds, doubling; upstream's MaxContainerBackOff
BACKOFF_RESET_AFTER = (
    600.0  # seconds of running after which the back-off starts again: upstream's twice the longest delay
)


NO_RESTARTS = ""  # the policy of a container that is not started again, whatever its rules say


def restart_policy(container: Container, pod: RunPod) -> str:
    """Always, OnFailure or Never: the container's own, or its Pod's.

    A sidecar always restarts; any other init container is done when it has succeeded; an ephemeral container runs once.
    """
    if container in (pod.spec.ephemeral_containers or ()):
        return "Never"
    return effective_policy(container, pod.spec.restart_policy, is_init=container in (pod.spec.init_containers or ()))


def effective_policy(container: Container, of_pod: str, *, is_init: bool) -> str:
    """The policy of a regular or an init container.

    Args:
        of_pod: the Pod's policy.
    """
    if container.restart_policy:
        return container.restart_policy
    return "OnFailure" if is_init and of_pod == "Always" else of_pod


def restarts(policy: str, exit_code: int, rules: Sequence[RestartRule] = ()) -> bool:
    """Whether a container that ended is started again: if one of its rules says so, or else its policy (KEP-5307)."""
    if policy == NO_RESTARTS:
        return False
    if any(rule.action == RESTART and rule.exit_codes.includes(exit_code) for rule in rules):
        return True
    return policy == "Always" or (policy == "OnFailure" and exit_code != 0)


def next_delay(previous: float | None, ran_for: float) -> float:
    """Seconds to wait before the next start, after an end that followed a wait of ``previous`` seconds.

    ``previous`` is None before the first restart, which is at once: what ended once may well have had a reason that has
    passed.
    """
    if ran_for >= BACKOFF_RESET_AFTER or previous is None:
        return 0.0
    return min(max(previous * 2, FIRST_DELAY), LAST_DELAY)
