"""Builds the wheel and the sdist of a checkout, by setuptools as pip would."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from scripts.release.archives import normalise_sdist, normalise_wheel
from scripts.release.shell_files import write

LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.egg-info", "build", "dist", "node_modules")
PACKED = ("src", "pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "MANIFEST.in")
HOOK = "import sys; from setuptools import build_meta as b; print(getattr(b, sys.argv[1])(sys.argv[2]))"


def build(root: Path, target: Path, seconds: int) -> list[Path]:
    """Wheel and sdist in ``target``; the checkout is left as it is.

    Args:
        seconds: since the epoch, the time that everything in them bears.
    """
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        work = Path(place) / "fairlead"
        work.mkdir()
        for name in PACKED:
            source = root / name
            if source.is_dir():
                shutil.copytree(source, work / name, ignore=LEFT_OUT)
            else:
                shutil.copy(source, work / name)
        write(work / "share", time.strftime("%Y-%m-%d", time.gmtime(seconds)))
        wheel, sdist = (target / _made(work, target, hook, seconds) for hook in ("build_wheel", "build_sdist"))
    normalise_wheel(wheel, time.gmtime(seconds)[:6])
    normalise_sdist(sdist, seconds)
    return [wheel, sdist]


def _made(work: Path, target: Path, hook: str, seconds: int) -> str:
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(seconds)}
    command = [sys.executable, "-c", HOOK, hook, str(target)]
    done = subprocess.run(command, cwd=work, env=environment, text=True, capture_output=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{hook}: {done.stdout}{done.stderr}")
    return done.stdout.split()[-1]
