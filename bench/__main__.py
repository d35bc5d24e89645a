"""Runs every benchmark, or those that are named: ``python -m bench lab,dns``."""

import importlib
import pkgutil
import sys

import bench

NAMES = sorted(m.name for m in pkgutil.iter_modules(bench.__path__) if not m.name.startswith("_"))


def main() -> int:
    wanted = [name for argument in sys.argv[1:] for name in argument.split(",")] or NAMES
    if unknown := set(wanted) - set(NAMES):
        print(f"no benchmark named {', '.join(sorted(unknown))}; there are: {', '.join(NAMES)}", file=sys.stderr)
        return 2
    for name in wanted:
        importlib.import_module(f"bench.{name}").main()
    return 0


if __name__ == "__main__":
    sys.exit(main())
