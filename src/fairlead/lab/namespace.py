"""A namespace that is created for a test and deleted with it."""

from contextlib import suppress

from fairlead.app.lab.processes.bootstrap import ServedResources
from fairlead.drivers.kube.client import NAMESPACES, KubeClient, KubeError, Unreachable
from fairlead.lab import objects
from fairlead.lab.asynchronous import AsyncScope
from fairlead.lab.connection import LabConnection
from fairlead.lab.errors import LabError
from fairlead.lab.scope import Scope


class Namespace(Scope):
    """A namespace of a lab. As a context manager, it is deleted at the end without waiting."""

    @classmethod
    def made(cls, connection: LabConnection, prefix: str) -> "Namespace":
        """A new namespace whose name has this prefix; raises LabError when the server refuses it."""
        try:
            return cls(connection, connection.ask(lambda client, _: objects.make_namespace(client, prefix)))
        except (KubeError, Unreachable) as error:
            raise LabError(str(error)) from error

    @property
    def name(self) -> str:
        return self._namespace

    @property
    def aio(self) -> AsyncScope:
        """The same calls for asynchronous code."""
        return AsyncScope(self)

    def remove(self) -> None:
        """Delete it with everything in it; its Pods end a while later. It is no error if it does not exist."""

        async def remove(client: KubeClient, _: ServedResources) -> None:
            with suppress(KubeError, Unreachable):
                await client.delete(NAMESPACES.path(name=self._namespace))

        self._connection.ask(remove)

    def __enter__(self) -> "Namespace":
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()

    def __repr__(self) -> str:
        return f"<Namespace {self._namespace} of lab {self._connection.lab.name}>"
