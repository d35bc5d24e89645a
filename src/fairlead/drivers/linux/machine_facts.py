"""Facts about this machine, as kubelets report them in a Node's ``nodeInfo``; empty if unknown."""

import platform
from pathlib import Path
from typing import NamedTuple


class SystemNames(NamedTuple):
    """Names of the operating system and of the machine, of its firmware, and of this run of its kernel."""

    os_image: str
    machine_id: str = ""
    system_uuid: str = ""
    boot_id: str = ""


OF_A_LAB = SystemNames("Fairlead lab")  # whose nodes all are on one machine


def machine_facts() -> SystemNames:
    """Those of this machine."""
    return SystemNames(
        _os_image(),
        _first_line("/etc/machine-id"),
        _first_line("/sys/class/dmi/id/product_uuid"),
        _first_line("/proc/sys/kernel/random/boot_id"),
    )


def _os_image() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", "Linux")
    except OSError:
        return "Linux"


def _first_line(path: str) -> str:
    try:
        return Path(path).read_text().partition("\n")[0].strip()
    except OSError:
        return ""
