"""An ``nft`` that stays: tables that it makes with the flag ``owner`` are gone when it is (nft(8), "Table flags")."""

import os
from contextlib import suppress

from fairlead.drivers.lab.forker_client import RunningCommand

_MARK = "fairlead-done"  # of an unknown command, whose refusal tells that what came before has been carried out
_PATIENCE = 10.0  # seconds in which it ends when it is told to


class NftSession:
    """An interactive nft, fed by a pipe. Close it, or use it as a context manager."""

    def __init__(self, running: RunningCommand) -> None:
        self._running = running

    def __enter__(self) -> "NftSession":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def command(self, line: str) -> str:
        """Carry out a line, and return once it has been; what nft has to say against it.

        Raises:
            OSError: it has ended.
        """
        os.write(self._running.stdin, f"{line}\n{_MARK}\n".encode())
        said = b""
        while f"{_MARK}\n".encode() not in said:
            part = os.read(self._running.stderr, 65536)
            if not part:
                raise OSError(5, f"nft has ended: {said.decode(errors='replace').strip()}")
            said += part
        refusals = said.decode(errors="replace").partition(_MARK)[0].split("Error: ")[:-1]  # the last is of the mark
        return "\n".join(refusals).strip(" \n^")

    def close(self) -> None:
        """End it, and with it its tables; they are gone when this returns."""
        with suppress(OSError):
            os.close(self._running.stdin)
        if self._running.wait(_PATIENCE) is None:
            self._running.kill()
        for fd in (self._running.stdout, self._running.stderr):
            os.close(fd)
