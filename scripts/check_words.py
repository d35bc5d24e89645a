"""Finds the words that STYLE.md replaces in what people read; part of ``make check``.

The table of STYLE.md is the list: what stands between backquotes in its first column is not to be used.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

READ_BY_PEOPLE = ("*.py", "*.md", "*.yaml", "*.sh", "*.js", "*.html", "Makefile")
NOT_OURS = re.compile(r"vendor|\.zh\.md$|^STYLE\.md$|^tests/")


def banned() -> list[str]:
    """The phrases of the first column."""
    rows = [line for line in Path("STYLE.md").read_text().splitlines() if line.startswith("| `")]
    return [phrase for row in rows for phrase in re.findall(r"`([^`]+)`", row.split("|")[1])]


def files() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", *READ_BY_PEOPLE], capture_output=True, text=True, check=True)
    found = (Path(name) for name in listed.stdout.split() if not NOT_OURS.search(name))
    return [path for path in found if path.exists()]  # one that is deleted and not committed yet is still listed


def hits(pattern: re.Pattern[str]) -> Iterator[str]:
    for path in files():
        for number, line in enumerate(path.read_text().splitlines(), 1):
            for found in pattern.findall(line):
                yield f"{path}:{number}: {found!r}: see STYLE.md"


def main() -> int:
    phrases = "|".join(re.escape(phrase) for phrase in banned())
    found = list(hits(re.compile(rf"\b(?:{phrases})\b", re.IGNORECASE)))
    print("\n".join(found) or "words: none of STYLE.md's list")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
