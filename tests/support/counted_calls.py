"""What something costs, counted: unlike time, it is the same on every machine and under every load."""

import sys
from contextlib import contextmanager


class Calls:
    """How many functions of Python and of C have been called."""

    count = 0

    def _add(self, frame, event, argument):
        self.count += event in ("call", "c_call")


@contextmanager
def counted():
    """The calls of this thread meanwhile."""
    found, before = Calls(), sys.getprofile()
    sys.setprofile(found._add)
    try:
        yield found
    finally:
        sys.setprofile(before)


def calls(work):
    """How many functions are called meanwhile."""
    with counted() as found:
        work()
    return found.count
