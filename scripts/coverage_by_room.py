"""Prints coverage by room and the modules that tests run least, and fails below the floor of pyproject.toml."""

import json
import sys
import tomllib
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

LEAST = 20


class Count(NamedTuple):
    """Lines that can run, and those of them that did."""

    lines: int = 0
    covered: int = 0

    def __add__(self, other: "Count") -> "Count":  # type: ignore[override]
        return Count(self.lines + other.lines, self.covered + other.covered)

    @property
    def percent(self) -> float:
        return 100.0 * self.covered / self.lines if self.lines else 100.0


def room_of(path: str) -> str:
    """``src/fairlead/drivers/kube/client.py`` is in ``drivers/kube``; all tests are one room."""
    parts = Path(path).parts
    return "tests" if parts[0] == "tests" else "/".join(parts[2:-1][:2]) or "."


def main() -> int:
    files = json.loads(Path(sys.argv[1]).read_text())["files"]
    summaries = {path: file["summary"] for path, file in files.items()}
    floor = tomllib.loads(Path("pyproject.toml").read_text())["tool"]["coverage"]["report"]["fail_under"]
    modules = {path: Count(each["num_statements"], each["covered_lines"]) for path, each in summaries.items()}
    rooms: defaultdict[str, Count] = defaultdict(Count)
    for path, count in modules.items():
        rooms[room_of(path)] += count
    for room, count in sorted(rooms.items()):
        print(f"{room:32} {count.lines:7} lines {count.percent:6.1f} %")
    print(f"\nthe {LEAST} modules that tests run least:")
    for path, count in sorted(modules.items(), key=lambda item: item[1].percent)[:LEAST]:
        print(f"{path:64} {count.lines:5} lines {count.percent:6.1f} %")
    total = sum(modules.values(), Count())
    print(f"\ncoverage of source and tests: {total.percent:.1f} % of {total.lines} lines; the floor is {floor} %")
    return 0 if total.percent >= floor else 1


if __name__ == "__main__":
    sys.exit(main())
