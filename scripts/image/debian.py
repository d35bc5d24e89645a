"""Files of Debian packages, downloaded by apt and unpacked without being installed."""

import io
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

from tree import Tree

# What the parts need at run time, and nothing that only a person would use: no shell, no package manager. First the
# interpreter and what its modules are linked with; then the programs that write the kernel's rules; then the names of
# protocols and services, and authorities.
PACKAGES = [
    "python3.11-minimal",
    "libpython3.11-minimal",
    "libpython3.11-stdlib",
    "libc6",
    "libgcc-s1",
    "libstdc++6",
    "zlib1g",
    "libexpat1",
    "libssl3",
    "libffi8",
    "libsqlite3-0",
    "liblzma5",
    "libbz2-1.0",
    "libuuid1",
    "libcrypt1",
    "nftables",
    "libnftables1",
    "libnftnl11",
    "libmnl0",
    "libxtables12",
    "libjansson4",
    "libgmp10",
    "libedit2",
    "libbsd0",
    "libmd0",
    "libtinfo6",
    "iptables",
    "libip4tc2",
    "libip6tc2",
    "libnetfilter-conntrack3",
    "libnfnetlink0",
    "conntrack",
    "iproute2",
    "libelf1",
    "libbpf1",
    "libcap2",
    "libselinux1",
    "libpcre2-8-0",
    "netbase",
    "ca-certificates",
]
MERGED = ("bin", "lib", "lib32", "lib64", "libx32", "sbin")  # links into usr, as on every Debian since 12
_OF_SHARE = """applications bash-completion binfmts bug doc gcc gdb initramfs-tools iptables libc-bin lintian locale man
    nftables pixmaps python3 readline"""
_OF_LIB = "systemd tmpfiles.d udev"
_OF_PYTHON = "config-3.11 distutils ensurepip idlelib lib2to3 pydoc_data sitecustomize.py test tkinter turtledemo"
_LEFT_OUT = (
    *(f"usr/share/{name}" for name in _OF_SHARE.split()),
    *(f"usr/lib/{name}" for name in _OF_LIB.split()),
    *(f"usr/lib/python3.11/{name}" for name in _OF_PYTHON.split()),
    *("etc/init.d/", "etc/default/", "etc/python3.11/sitecustomize.py", "usr/sbin/tc"),
)


def fetch(folder: Path, arch: str) -> dict[str, str]:
    """Download the packages; the version of each.

    Raises:
        subprocess.CalledProcessError: apt could not have one.
    """
    for name in ("lists/partial", "cache/archives/partial", "debs"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    own = {
        "APT::Architecture": arch,
        "APT::Architectures": arch,
        "Dir::State::Lists": folder / "lists",
        "Dir::State::status": "/dev/null",
        "Dir::Cache": folder / "cache",
        "APT::Sandbox::User": "",
        "Acquire::Languages": "none",
    }
    apt = ["apt-get", "-qq", *(f"-o{name}={value}" for name, value in own.items())]
    subprocess.run([*apt, "update"], check=True, stdout=subprocess.DEVNULL)
    subprocess.run([*apt, "download", *PACKAGES], check=True, cwd=folder / "debs", stdout=subprocess.DEVNULL)
    return dict(_version(deb) for deb in sorted((folder / "debs").glob("*.deb")))


def unpack(folder: Path, tree: Tree) -> None:
    """Put what matters of the downloaded packages into the tree."""
    for deb in sorted((folder / "debs").glob("*.deb")):
        files = subprocess.run(["dpkg-deb", "--fsys-tarfile", deb], check=True, capture_output=True).stdout
        with tarfile.open(fileobj=io.BytesIO(files)) as archive:
            for member in archive:
                path = _merged(member.name.removeprefix("./").rstrip("/"))
                if path and not path.startswith(_LEFT_OUT) and not member.isdir():
                    _put(tree, path, member, archive)
    for name in MERGED:
        if any(path.startswith(f"usr/{name}/") for path in tree.entries):
            tree.link(name, f"usr/{name}")
    _trust(tree)


def _put(tree: Tree, path: str, member: tarfile.TarInfo, archive: tarfile.TarFile) -> None:
    if member.issym():
        tree.link(path, member.linkname)
    elif member.islnk():
        tree.copy(path, _merged(member.linkname.removeprefix("./")))
    elif content := archive.extractfile(member):
        # What is setuid in a package is not in the image: nobody becomes root there.
        tree.file(path, content.read(), executable=bool(member.mode & 0o111))


def _trust(tree: Tree) -> None:
    """The bundle of authorities that update-ca-certificates would make, and nothing of its parts."""
    folder = "usr/share/ca-certificates/"
    parts = sorted(path for path in tree.entries if path.startswith(folder))
    tree.file("etc/ssl/certs/ca-certificates.crt", b"".join(tree.entries.pop(path).content for path in parts))
    makers = ("update-ca-certificates", "ca-certificates.conf")
    for path in [path for path in tree.entries if path.endswith(makers)]:
        del tree.entries[path]


def _merged(path: str) -> str:
    first = path.partition("/")[0]
    return f"usr/{path}" if first in MERGED and path != first else path


def _version(deb: Path) -> tuple[str, str]:
    done = subprocess.run(["dpkg-deb", "-W", deb], check=True, capture_output=True, text=True)
    name, _, version = done.stdout.strip().partition("\t")
    return name, version


def names_of_alternatives() -> Iterator[tuple[str, str]]:
    """Links that update-alternatives would make."""
    for program in ("iptables", "ip6tables"):
        for form in ("", "-save", "-restore"):
            yield f"usr/sbin/{program}{form}", f"{program}-nft{form}"
