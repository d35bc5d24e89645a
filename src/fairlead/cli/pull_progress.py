"""A progress bar on standard error for each blob of a pull."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from fairlead.drivers.images.pulling import no_progress

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

    from fairlead.drivers.images.pulling import Progress


@contextmanager
def shown(*, quiet: bool) -> "Iterator[Progress]":
    """Show the progress of a pull until the context ends; nothing when ``quiet``."""
    if quiet:
        with no_progress() as nobody:
            yield nobody
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn()
    with Progress(*columns, console=Console(stderr=True)) as bars:
        yield _Bars(bars)


class _Bars:
    """One bar for each digest; several threads can report to it."""

    def __init__(self, bars: "Bars") -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def blob(self, digest: str, size: int, done: int) -> None:
        task = self._tasks.get(digest)
        if task is None:
            task = self._tasks[digest] = self._bars.add_task(digest.partition(":")[2][:12], total=size)
        self._bars.update(task, completed=done)
