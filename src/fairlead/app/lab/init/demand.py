"""A component that starts on the first request of another one: an unused component costs neither memory nor time."""

import os
from collections.abc import Container

from fairlead.drivers.lab.supervisor import Component, Supervisor


class Demand:
    """A pipe through which components ask PID 1 to start another one; created before they are forked.

    Args:
        component: the component to start; None if the lab has none.

    Attributes:
        reader: becomes readable in PID 1 on a request.
    """

    def __init__(self, component: Component | None) -> None:
        self._component = component
        self.reader, self._writer = os.pipe()
        os.set_blocking(self.reader, False)
        self._has_asked = False

    def ask(self) -> None:
        """Request the component, which then runs until the lab ends. Called in a component."""
        if not self._has_asked:
            self._has_asked = True
            os.write(self._writer, b"1")

    def meet(self, supervisor: Supervisor, readable: Container[object]) -> None:
        """Start the component on the first request. Called in PID 1, with the readable sources."""
        if self.reader not in readable:
            return
        os.read(self.reader, 4096)
        if self._component:
            supervisor.add(self._component)
        self._component = None

    def close(self) -> None:
        """Close the descriptor that only PID 1 needs."""
        os.close(self.reader)
