"""``python -m scripts.release``: wheel, sdist and SBOM in ``dist/``; with ``fold [DATE]`` the changelog of the release.

Every time in what is built is that of the last commit, so the same commit gives the same bytes.
"""

import subprocess
import sys
import time
from pathlib import Path

from scripts.release.build import build
from scripts.release.changelog import fold
from scripts.release.contents import complete_sbom, dependencies

from fairlead import __version__

ROOT = Path(__file__).resolve().parents[2]
DIST = ROOT / "dist"


def main(arguments: list[str]) -> None:
    if arguments[:1] == ["fold"]:
        fold(ROOT, __version__, arguments[1] if arguments[1:] else time.strftime("%Y-%m-%d", time.gmtime()))
        return
    if arguments[:1] == ["sbom"]:
        complete_sbom(Path(arguments[1]), __version__)
        return
    for path in build(ROOT, DIST, seconds_of_commit()):
        print(f"{path.relative_to(ROOT)}: {path.stat().st_size} bytes")
    needed = DIST / "requirements.txt"
    needed.write_text("\n".join(dependencies()) + "\n")
    print(f"{needed.relative_to(ROOT)}: what the SBOM is made of")


def seconds_of_commit() -> int:
    """When the last commit was made, in seconds since the epoch."""
    shown = subprocess.run(["git", "log", "-1", "--format=%ct"], cwd=ROOT, text=True, capture_output=True, check=True)
    return int(shown.stdout)


if __name__ == "__main__":
    main(sys.argv[1:])
