"""Labs for programs: a cluster on this machine as an object, to start, fill, ask, break and stop.

The pytest plugin, the commands and the examples stand on what is exported here. Docs: docs/testing.md.
"""

from fairlead.app.lab.fork import LabError
from fairlead.lab.cluster import Lab, LabSpec
from fairlead.lab.errors import CommandFailed, NotReady
from fairlead.lab.namespace import Namespace
from fairlead.lab.results import Explanation, Resolution, Result

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
