"""Does something as the owner of files of an ordinary user's range, which it is only in a user namespace."""

import os
import pickle
import traceback
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

from fairlead.drivers.linux.calls import CLONE_NEWUSER, set_dumpable, unshare
from fairlead.drivers.linux.id_range import IdRange, map_users

T = TypeVar("T")


def with_range(ids: IdRange | None, work: Callable[[], T]) -> T:
    """What the work returns, which can be pickled, as what it raises must be. Without a range it is done here.

    Raises:
        OSError: the users of the range are unavailable. Whatever the work raises.
    """
    if ids is None or os.geteuid() == 0:
        return work()
    asking, granted, answer = os.pipe(), os.pipe(), os.pipe()
    pid = os.fork()
    if pid == 0:
        _be_root(work, asking[1], granted, answer[1])
    for fd in (asking[1], granted[0], answer[1]):
        os.close(fd)
    try:
        if os.read(asking[0], 1):
            map_users(pid, ids)
            os.write(granted[1], b"1")
        os.close(granted[1])
        with open(answer[0], "rb") as reader:
            data = reader.read()
    finally:
        os.close(asking[0])
        os.waitpid(pid, 0)
    if not data:
        raise OSError("the process that works in a user namespace has been killed")
    is_result, value = pickle.loads(data)  # noqa: S301 - from our own child
    if not is_result:
        raise value
    return value  # type: ignore[no-any-return]


def _be_root(work: Callable[[], Any], asking: int, granted: tuple[int, int], answer: int) -> NoReturn:
    try:
        unshare(CLONE_NEWUSER)
        set_dumpable()
        os.close(granted[1])
        os.write(asking, b"1")
        if not os.read(granted[0], 1):
            os._exit(1)
        os.setgid(0)
        os.setuid(0)
        try:
            said: tuple[bool, Any] = (True, work())
        except Exception as error:
            said = (False, error)
        with open(answer, "wb") as writer:
            pickle.dump(said, writer)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(0)
