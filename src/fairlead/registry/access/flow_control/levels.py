"""Classes of users, and their shares of the server.

The parts of the cluster itself come first: so Pods keep running and endpoints stay current, however many requests a
user sends. Upstream: the PriorityLevelConfigurations that a cluster begins with (``system``, ``node-high``,
``workload-high``, ``global-default``, ``catch-all``).
"""

from typing import NamedTuple

from fairlead.registry.access.authorization import MASTERS
from fairlead.registry.requests import User

ANONYMOUS = "system:anonymous"


class Level(NamedTuple):
    """The share of a class of users.

    Attributes:
        weight: how much of the server's time one of its users gets, compared with others that wait at the same time.
        share: the part of all connections, and of all watches, that one of its users may hold.
    """

    name: str
    weight: int
    share: float


# The largest share leaves a quarter to others; only the cluster itself can take more than half.
SYSTEM = Level("system", 8, 0.75)
ADMINISTRATORS = Level("administrators", 4, 0.5)
USERS = Level("users", 2, 0.25)
UNAUTHENTICATED = Level("unauthenticated", 1, 0.125)

_SYSTEM_ACCOUNTS = "system:serviceaccount:kube-system:"
_ACCOUNTS = "system:serviceaccount:"


def level_of(user: User) -> Level:
    """The class of a user, by the name and groups that authentication gave."""
    if user.name == ANONYMOUS:
        return UNAUTHENTICATED
    if user.name.startswith(_SYSTEM_ACCOUNTS) or _is_component(user.name):
        return SYSTEM
    return ADMINISTRATORS if MASTERS in user.groups else USERS


def _is_component(name: str) -> bool:
    return name.startswith("system:") and not name.startswith(_ACCOUNTS)
