"""Runs the console blocks of pages and puts what they print below: ``python -m scripts.fill_console_blocks PAGE...``.

A page is followed as its test follows it (``tests/support/console_pages.py``): output that still fits is left as it
stands, so what may differ from run to run keeps the words that an author chose for it.
"""

import re
import sys
from pathlib import Path

from tests.support.console_pages import FENCE, Command, Comparison, Reader, SavedFile, steps
from tests.support.users import users


def filled(page: str) -> str:
    """The page with the output of this run where the page's own does not fit it."""
    reader, comparison = Reader(users()[-1]), Comparison()
    try:
        return FENCE.sub(lambda block: _followed(block[0], reader, comparison), page)
    finally:
        reader.close()


def _followed(block: str, reader: Reader, comparison: Comparison) -> str:
    done = list(steps(block))
    for each in done:
        if isinstance(each, SavedFile):
            reader.save(each)
    commands = [_command(each, reader, comparison) for each in done if isinstance(each, Command)]
    return "```console\n" + "".join(commands) + "```" if commands else block


def _command(command: Command, reader: Reader, comparison: Comparison) -> str:
    typed = command.line.replace("\n", "\n> ")
    printed = re.sub(r"[ \t]+$", "", reader.run(command.line), flags=re.MULTILINE)
    if comparison.fits(command.output, printed):
        printed = command.output
    else:
        comparison.fits(printed, printed)
    return f"$ {typed}\n" + (f"{text}\n" if (text := printed.strip("\n")) else "")


if __name__ == "__main__":
    for page in map(Path, sys.argv[1:]):
        page.write_text(filled(page.read_text()))
