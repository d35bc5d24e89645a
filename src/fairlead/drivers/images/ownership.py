"""The owners of files in unpacked layers: the users that images name, if this process can use their IDs.

Root can use all IDs. An ordinary user has its own range, or else only its own ID, and then all files belong to it.
"""

import os
from typing import NamedTuple

from fairlead.drivers.linux.id_range import IdRange, own_range

AS_THEY_ARE, ALONE = "as-they-are", "alone"


class Ownership(NamedTuple):
    """The owners of files.

    Attributes:
        name: name of the folder for layers with these owners.
        range: ID range of an ordinary user that has one.
    """

    name: str
    range: IdRange | None = None

    @property
    def keeps(self) -> bool:
        """Whether files belong to whom images say."""
        return self.name != ALONE


def ownership_here() -> Ownership:
    """That of this process's user, outside of any lab."""
    if os.geteuid() == 0:
        return Ownership(AS_THEY_ARE)
    found = own_range()
    return Ownership(ALONE) if found is None else Ownership(f"range-{found.first_uid}-{found.first_gid}", found)
