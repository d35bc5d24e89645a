"""Who a process is, kept where the kernel hands it on from a process to all that it starts: in a resource limit that
means nothing since Linux 2.4 (``RLIMIT_LOCKS``, getrlimit(2)). So nobody has to follow processes from their birth, and
nothing is forgotten that is still needed.
"""

import resource

from fairlead.nodeagent.emulated_users import Users

_LOCKS = 10  # RLIMIT_LOCKS of asm-generic/resource.h, which Python does not name


class KeptUsers:
    """Who processes are.

    Args:
        first: who those are that have become nobody else.
    """

    def __init__(self, first: Users) -> None:
        self._known = [first]
        self._numbers = {first: 0}

    def of(self, pid: int) -> Users:
        """Raises:
        ProcessLookupError: there is no such process.
        """
        number, _ = resource.prlimit(pid, _LOCKS)
        return self._known[number] if 0 <= number < len(self._known) else self._known[0]

    def keep(self, pid: int, users: Users) -> None:
        """Raises:
        ProcessLookupError: there is no such process.
        """
        number = self._numbers.get(users)
        if number is None:
            number = self._numbers[users] = len(self._known)
            self._known.append(users)
        _, highest = resource.prlimit(pid, _LOCKS)
        resource.prlimit(pid, _LOCKS, (number, highest))
