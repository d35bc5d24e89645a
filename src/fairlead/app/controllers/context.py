"""What every controller is given."""

from typing import NamedTuple

from fairlead.app.controllers.watches import Watches
from fairlead.drivers.discovery import Discovered
from fairlead.drivers.kube_client import KubeClient
from fairlead.drivers.work_queue import Clock


class Context(NamedTuple):
    """The API and what it serves, the shared copies of its collections, and the time that queues go by.

    Attributes:
        collections: every resource whose objects can be watched and deleted, Events excepted.
    """

    client: KubeClient
    watches: Watches
    clock: Clock
    collections: tuple[Discovered, ...]
