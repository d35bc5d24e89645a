"""When a container starts again, and after how long. Upstream: ``pkg/kubelet/kuberuntime`` and its back-off manager."""

from fairlead.nodeagent.manifest import Container, RunPod

FIRST_DELAY, LAST_DELAY = 10.0, 300.0  # seconds, doubling; upstream's MaxContainerBackOff
FORGIVEN_AFTER = 600.0  # seconds of running after which the back-off starts again: upstream's twice the longest delay


def restart_policy(container: Container, pod: RunPod) -> str:
    """Always, OnFailure or Never. A sidecar always restarts; any other init container is done when it has succeeded; an
    ephemeral container runs once."""
    if container in (pod.spec.ephemeral_containers or ()):
        return "Never"
    if container not in (pod.spec.init_containers or ()):
        return pod.spec.restart_policy
    return container.restart_policy or ("Never" if pod.spec.restart_policy == "Never" else "OnFailure")


def restarts(policy: str, exit_code: int) -> bool:
    """Whether a container that ended is started again."""
    return policy == "Always" or (policy == "OnFailure" and exit_code != 0)


def next_delay(previous: float | None, ran_for: float) -> float:
    """Seconds to wait before the next start, after an end that followed a wait of ``previous`` seconds.

    ``previous`` is None before the first restart, which is at once: what ended once may well have had a reason that has
    passed.
    """
    if ran_for >= FORGIVEN_AFTER or previous is None:
        return 0.0
    return min(max(previous * 2, FIRST_DELAY), LAST_DELAY)
