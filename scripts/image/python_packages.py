"""The product and the Python packages that it needs, from wheels, compiled ahead."""

import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from tree import Tree

ROOT = Path(__file__).parents[2]
VERSION = "3.11"  # of the interpreter in the image
SITE = f"usr/local/lib/python{VERSION}/dist-packages"
# Newest first: a wheel for an older libc runs on the image's as well.
_GLIBC = ("2_36", "2_35", "2_34", "2_31", "2_28", "2_24", "2_17")
_MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
_PIP = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
_LEFT_OUT = ("/tests/", "/test/", "/__pycache__/")
_ENDS_LEFT_OUT = ("/direct_url.json", "/RECORD", ".pyi", ".c", ".pyx")
_LAUNCH = b"""#!/usr/bin/python3.11 -I
import sys
from fairlead.cli.main import main
sys.exit(main())
"""


def put_dependencies(tree: Tree, arch: str) -> None:
    """Install the wheels of all packages that the product needs at run time, as they are locked."""
    machine = _MACHINES[arch]
    platforms = [f"manylinux_{libc}_{machine}" for libc in _GLIBC] + [f"manylinux2014_{machine}"]
    with tempfile.TemporaryDirectory() as folder:
        command = [*_PIP, "install", "--no-compile", "--target", folder, "--constraint", ROOT / "requirements.lock"]
        command += ["--only-binary", ":all:", "--implementation", "cp", "--python-version", VERSION]
        command += [*(f"--platform={platform}" for platform in platforms), *_requirements()]
        subprocess.run(command, check=True, stderr=subprocess.PIPE)
        shutil.rmtree(Path(folder) / "bin", ignore_errors=True)
        tree.folder(Path(folder), SITE)
    _drop(tree)


def put_product(tree: Tree) -> None:
    """Install the product's own wheel, and its command."""
    with tempfile.TemporaryDirectory() as folder:
        options = ["--no-deps", "--no-build-isolation", "--wheel-dir", folder]
        subprocess.run([*_PIP, "wheel", *options, ROOT], check=True, stderr=subprocess.PIPE)
        (wheel,) = Path(folder).glob("*.whl")
        target = Path(folder) / "site"
        subprocess.run([*_PIP, "install", "--no-deps", "--no-compile", "--target", target, wheel], check=True)
        shutil.rmtree(target / "bin", ignore_errors=True)
        tree.folder(target, SITE)
    _drop(tree)
    tree.file("usr/bin/fairlead", _LAUNCH, executable=True)


def compile_ahead(tree: Tree, prefix: str) -> None:
    """Put the bytecode of all modules below a path: a container's files are read-only, and it should start quickly."""
    if sys.version_info[:2] != tuple(map(int, VERSION.split("."))):
        raise SystemExit(f"make image: run it with Python {VERSION}, whose bytecode the image's interpreter reads")
    below = {path: entry for path, entry in tree.entries.items() if path.startswith(prefix) and path.endswith(".py")}
    sources = Tree({path: entry for path, entry in below.items() if not entry.target})
    with tempfile.TemporaryDirectory() as folder:
        sources.write(Path(folder))
        command = [sys.executable, "-m", "compileall", "-q", "-j", "2", "--invalidation-mode", "unchecked-hash"]
        command += ["-s", folder, "-p", "/", folder]
        subprocess.run(command, check=False, stdout=subprocess.DEVNULL)  # templates among the files are no modules
        for path in sorted(Path(folder).rglob("*.pyc")):
            tree.file(str(path.relative_to(folder)), path.read_bytes())


def _requirements() -> list[str]:
    dependencies: list[str] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    return dependencies


def _drop(tree: Tree) -> None:
    """Leave out tests, records of the installation that name where it was made, and debugging aids."""
    for path in list(tree.entries):
        if any(part in f"/{path}" for part in _LEFT_OUT) or path.endswith(_ENDS_LEFT_OUT):
            del tree.entries[path]
