"""Root folders for images, made of programs that this machine has."""

import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

_APPLETS = """
    sh ls cat id sleep httpd wget touch mkdir rm mv cp echo env pwd tar stat chown chmod head test true false ps
    readlink find grep hostname mount umount chroot mknod kill date
"""
PASSWD = "root:x:0:0:root:/root:/bin/sh\nweb:x:101:102:web:/srv:/bin/sh\n"
GROUP = "root:x:0:\nweb:x:102:\nmore:x:103:web\n"


def busybox_root(target: Path, files: Mapping[str, str] | None = None) -> Path:
    """A root folder with nothing but busybox, users, and these files by path."""
    put_programs(target, ["busybox"])
    (target / "bin").mkdir(exist_ok=True)
    busybox = shutil.which("busybox")
    assert busybox
    shutil.copy(busybox, target / "bin" / "busybox")
    for applet in _APPLETS.split():
        (target / "bin" / applet).symlink_to("busybox")
    for name in ("etc", "tmp", "srv", "root"):
        (target / name).mkdir(exist_ok=True)
    (target / "tmp").chmod(0o1777)
    (target / "etc" / "passwd").write_text(PASSWD)
    (target / "etc" / "group").write_text(GROUP)
    for path, text in (files or {}).items():
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        (target / path).write_text(text)
    return target


def put_programs(target: Path, programs: Iterable[str]) -> None:
    """Copy programs of this machine to a root folder, at the same paths, with the libraries that they load."""
    found = [shutil.which(program, path="/usr/sbin:/usr/bin:/sbin:/bin") or program for program in programs]
    for path in dict.fromkeys([*found, *(library for program in found for library in libraries_of(program))]):
        copy_to(target, path)


def libraries_of(program: str) -> list[str]:
    """The shared libraries that a program loads; none if it is static."""
    told = subprocess.run(["ldd", program], capture_output=True, text=True, check=False)
    return re.findall(r"(/\S+) \(0x", told.stdout)


def copy_to(target: Path, path: str) -> None:
    """Copy a file of this machine to the same path, by the name it is asked for: links are not kept."""
    place = target / path.lstrip("/")
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(path, place)
