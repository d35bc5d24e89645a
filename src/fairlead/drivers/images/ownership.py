"""To whom the files of unpacked layers belong: to the users that images name, as far as this machine has them for us.

Root has them all. An ordinary user has a range of its own, or else itself alone, and then all files are its own.
"""

import os
from typing import NamedTuple

from fairlead.drivers.linux.id_range import IdRange, own_range

AS_THEY_ARE, ALONE = "as-they-are", "alone"


class Ownership(NamedTuple):
    """Whose files are.

    Attributes:
        name: of the folder of layers that are unpacked so.
        range: of an ordinary user that has one.
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
