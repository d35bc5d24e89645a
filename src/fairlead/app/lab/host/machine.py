"""The requirements of a lab on this machine, and the checks for them."""

import os
import shutil
from pathlib import Path

from fairlead.app.lab.fork import LabError, NamespacesRefused
from fairlead.app.lab.host.spawn import why_no_namespaces
from fairlead.labnet.addresses import Families
from fairlead.model.addresses import IPFamily

_PROGRAMS = {"ip": "iproute2", "nft": "nftables", "sleep": "coreutils"}


def home_of_user() -> Path | None:
    """The folder of this user, if that is a place of its own."""
    home = Path(os.path.realpath(os.path.expanduser("~")))
    return home if home != Path("/") and home.is_dir() else None


def require_programs(*, may_do_without: bool) -> None:
    """Look for the programs that make namespaces what they are to be.

    Raises:
        NamespacesRefused: some are missing, but the lab may do without, and this machine refuses namespaces anyway.
        LabError: some are missing.
    """
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    missing = {program: package for program, package in _PROGRAMS.items() if not shutil.which(program, path=path)}
    if missing and may_do_without and (why := why_no_namespaces()):
        raise NamespacesRefused(why)
    if missing:
        raise LabError(
            f"missing programs: {', '.join(missing)}; install the packages that contain them "
            f"(on Debian: apt-get install {' '.join(missing.values())})"
        )


def require_families(families: Families) -> None:
    """Raises LabError when the kernel lacks one."""
    if IPFamily.IPV6 in families and not Path("/proc/net/if_inet6").exists():
        raise LabError("ipFamilies: this kernel has no IPv6; start it without ipv6.disable=1, or a lab without IPv6")
