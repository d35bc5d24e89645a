"""Whether a node takes one more Pod that it was given; one that it does not take is Failed.

Upstream: ``pkg/kubelet/lifecycle`` (``InsufficientResourceError``, ``UnexpectedAdmissionError``).
"""

from fairlead.nodeagent.status import Failure


def out_of_pods(used: int, capacity: int) -> Failure | None:
    """Why there is no room for another Pod; None when there is.

    Args:
        used: how many are there that have not ended.
    """
    if used < capacity:
        return None
    why = f"Node didn't have enough resource: pods, requested: 1, used: {used}, capacity: {capacity}"
    return Failure("OutOfpods", f"Pod was rejected: {why}")


def without_address(why: str) -> Failure:
    """Why a Pod is not taken for which its node has no address left."""
    return Failure("UnexpectedAdmissionError", f"Pod was rejected: {why}")
