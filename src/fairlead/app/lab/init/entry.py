"""The entry point of a lab's PID 1: a new interpreter in the lab's namespaces, or in those of this machine.

It first imports the modules that all its processes share, then forks the nursery, and only then reads the lab's input.
The nursery, whose forks become processes of Pods, therefore never holds any of that input.
"""

import os
import pickle
import sys
import traceback

from fairlead.app import builtin_images
from fairlead.app.lab.host_link import NO_NAMESPACES, LabStart
from fairlead.app.lab.init import main as init
from fairlead.app.lab.init.sharing import share_first_uses
from fairlead.drivers.linux import calls
from fairlead.drivers.pods import files
from fairlead.drivers.pods.launching.nursery import Nursery


def main() -> None:
    """Run as PID 1. Arguments: the lab's name, which shows whose process this is, the descriptor of a pickled
    ``LabStart``, and whether there are namespaces."""
    has_namespaces = sys.argv[3] != NO_NAMESPACES
    if has_namespaces:
        files.make_mounts_private()
        files.mount_proc()
    else:
        calls.set_child_subreaper()  # as the kernel makes PID 1 of a namespace the parent of all orphans
    share_first_uses()
    nursery = Nursery(builtin_images.__name__, builtin_images.import_pod_modules)
    with open(int(sys.argv[2]), "rb") as file:
        start: LabStart = pickle.load(file)  # noqa: S301 - from the host process
    for fd in start.descriptors:
        os.set_inheritable(fd, False)
    doors = start.doors()
    try:
        init.main(start.plan, doors, nursery)
    except BaseException as error:
        traceback.print_exc(file=sys.stderr)
        doors.report({"fatal": f"the lab could not be started: {error}"})
    finally:
        os._exit(1)
