"""Labs for programs: a cluster on this machine as an object, to start, fill, query, break and stop.

The pytest plugin, the commands and the examples use what is exported here. Docs: docs/testing.md. What is exported
is imported when it is first asked for: commands use small modules of this room, and must not wait for the API client.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fairlead.app.lab.fork import LabError
    from fairlead.lab.cluster import Lab, LabSpec
    from fairlead.lab.errors import CommandFailed, NotReady
    from fairlead.lab.namespace import Namespace
    from fairlead.lab.results import Explanation, Resolution, Result

_HOMES = {
    "CommandFailed": "fairlead.lab.errors",
    "Explanation": "fairlead.lab.results",
    "Lab": "fairlead.lab.cluster",
    "LabError": "fairlead.lab.errors",
    "LabSpec": "fairlead.lab.cluster",
    "Namespace": "fairlead.lab.namespace",
    "NotReady": "fairlead.lab.errors",
    "Resolution": "fairlead.lab.results",
    "Result": "fairlead.lab.results",
}

__all__ = [
    "CommandFailed",
    "Explanation",
    "Lab",
    "LabError",
    "LabSpec",
    "Namespace",
    "NotReady",
    "Resolution",
    "Result",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value  # so that this is asked once
    return value
