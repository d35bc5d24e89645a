"""Runs a command of the user's in the terminal that this program has."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence

NOT_FOUND, TIMED_OUT = 127, 124  # exit codes of a shell, and of timeout(1)


def run_command(arguments: Sequence[str], environment: Mapping[str, str], seconds: float | None = None) -> int:
    """The exit code of the command, 128 + n when signal n ended it. Ctrl-C is for it alone; after so many seconds it is
    told to end."""
    before = signal.signal(signal.SIGINT, lambda *_: None)  # a handler, which the command does not inherit
    try:
        process = subprocess.Popen(arguments, env={**os.environ, **environment})
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.terminate()
            process.wait()
            return TIMED_OUT
    except FileNotFoundError:
        return NOT_FOUND
    finally:
        signal.signal(signal.SIGINT, before)
    return code if code >= 0 else 128 - code
