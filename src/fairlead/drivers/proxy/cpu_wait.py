"""How long this process has waited for a processor: the sign that the machine is short of them.

A caller that can do several changes in one go rests for a multiple of that, so that later ones go into the next:
while the machine has nothing else to do, nobody waits; when it has too much to do, there is less of it.
"""

MULTIPLE = 10.0
LONGEST = 0.3  # seconds; a longer rest did not save more, with 20 nodes on two processors


class Breather:
    """Tells the minimum time to wait, from one call to the next."""

    def __init__(self) -> None:
        self._before = seconds_waited()

    def rest(self) -> float:
        """Seconds to rest for what this process has waited since the last call."""
        before, self._before = self._before, seconds_waited()
        return min(MULTIPLE * (self._before - before), LONGEST)


def seconds_waited() -> float:
    """Seconds that this thread has been ready to run, and others ran; 0 where the kernel does not count them."""
    try:
        with open("/proc/thread-self/schedstat") as file:
            return int(file.read().split()[1]) / 1e9
    except (OSError, IndexError):
        return 0.0
