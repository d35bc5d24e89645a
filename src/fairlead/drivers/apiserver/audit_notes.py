"""Writes into the server's log what upstream would add to the audit event of a request.

Clients cause these lines, so there is one a second at the most, which counts those that were left out.
"""

import logging
from collections.abc import Iterable

from fairlead.drivers.linux.rare_log import RareLog
from fairlead.registry.requests import Request

_notes = RareLog(logging.getLogger("fairlead.audit"))


def log_notes(request: Request, notes: Iterable[tuple[str, str]]) -> None:
    """Write the annotations, by their keys, of a request that has been carried out."""
    if told := ", ".join(f"{key}={text!r}" for key, text in notes):
        _notes.warning(f"user {request.user.name!r}, {request.method} {request.path!r}: {told}")
