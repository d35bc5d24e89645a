"""What every controller is given."""

from typing import NamedTuple

from fairlead.app.controllers.watches import Watches
from fairlead.drivers.kube_client import KubeClient
from fairlead.drivers.work_queue import Clock


class Context(NamedTuple):
    """The API, the shared copies of its collections, and the time that queues go by (an asyncio loop is one)."""

    client: KubeClient
    watches: Watches
    clock: Clock
