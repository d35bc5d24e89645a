"""Runs the commands in console blocks of pages, and puts what they print below: ``fill_console_blocks.py PAGE...``.

Only blocks that read ``docs/clusters`` are touched: their output is the same on every machine, and a test compares it.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENT = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
BLOCK = re.compile(r"```console\n(\$.*?)\n```", re.DOTALL)


def filled(block: "re.Match[str]") -> str:
    commands = [line for line in block[1].splitlines() if line.startswith("$ ")]
    if "docs/clusters/" not in block[1]:
        return block[0]
    return (
        "```console\n" + "\n".join(f"{command}\n{output(command[2:])}".rstrip("\n") for command in commands) + "\n```"
    )


def output(command: str) -> str:
    done = subprocess.run(["sh", "-c", command], cwd=ROOT, env=ENVIRONMENT, text=True, capture_output=True, check=False)
    return (done.stdout + done.stderr).rstrip("\n")


if __name__ == "__main__":
    for page in map(Path, sys.argv[1:]):
        page.write_text(BLOCK.sub(filled, page.read_text()))
