"""An event loop whose time passes only when everything waits, and then at once: an hour takes a moment."""

import asyncio
import selectors

_ROUNDING = 1e-9  # seconds; without it, a moment that cannot be told from now would never come


class _Selector(selectors.SelectSelector):
    """Does not wait, and says for how long it would have."""

    def __init__(self):
        super().__init__()
        self.waited = 0.0

    def select(self, timeout=None):
        if timeout:
            self.waited += timeout + _ROUNDING
        return super().select(0 if timeout is not None else None)


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self):
        self._virtual = _Selector()
        super().__init__(self._virtual)

    def time(self):
        return 1000.0 + self._virtual.waited  # no time is special

    def advance(self, seconds):
        """Let so many seconds pass, with everything that happens in them."""
        self.run_until_complete(asyncio.sleep(seconds))

    def finish(self):
        """End all tasks and close."""
        for task in (tasks := asyncio.all_tasks(self)):
            task.cancel()
        if tasks:
            self.run_until_complete(asyncio.wait(tasks))
        self.run_until_complete(self.shutdown_asyncgens())
        self.close()
