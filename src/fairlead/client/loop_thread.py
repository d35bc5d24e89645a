"""A thread with an event loop, in which a balancer's set is followed."""

import asyncio
import threading
from contextlib import suppress

from fairlead.client.following import Following


class LoopThread(threading.Thread):
    """Runs until stopped; never keeps the interpreter from ending."""

    def __init__(self, following: Following) -> None:
        super().__init__(name="fairlead-client", daemon=True)
        self._following = following
        self._loop = asyncio.new_event_loop()
        self._task = self._loop.create_task(following.run())

    def run(self) -> None:
        try:
            with suppress(asyncio.CancelledError):
                self._loop.run_until_complete(self._task)
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
        finally:
            self._loop.close()

    def doubt(self) -> None:
        self._loop.call_soon_threadsafe(self._following.doubt)

    def stop(self) -> None:
        """End, and wait for the end; a probe under way is waited for."""
        self._loop.call_soon_threadsafe(self._task.cancel)
        self.join()
