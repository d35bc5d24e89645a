"""A page of the documents as a session in a shell: its files, its commands, and what they must print.

All commands of a page run in one shell, in the page's order, so a variable that one exports is there for the next.
A code block with a title (``title="shop.yaml"``) is a file that the reader saves. Output is compared word by word,
since columns move with the width of a name, and with three freedoms:

- ``...`` stands for any words;
- durations, ages and amounts of memory differ from run to run;
- what a cluster chooses (addresses of Pods, virtual IPs, ends of names, high ports) may be another value, but one value
  of the page is always the same value of the run, and two of the page are two of the run.
"""

import os
import re
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.kubectls import UNCOLLECTED
from tests.support.labs import PATH
from tests.support.pytest_runs import UNRELATED
from tests.support.users import CHECKOUT, User

FENCE = re.compile(
    r"^```(?P<language>\w+)(?: title=\"(?P<title>[^\"]+)\")?\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
PROMPT = re.compile(r"^\$ ", re.MULTILINE)

_NAME_END = "[bcdfghjklmnpqrstvwxz2456789]"
CHOSEN = {
    "pod": r"\b10\.244\.\d{1,3}\.\d{1,3}\b",
    "virtual": r"\b10\.96\.\d{1,3}\.\d{1,3}\b",
    "virtual6": r"\bfd00:10:96::[0-9a-f]{1,4}\b",
    "end": rf"(?<=-){_NAME_END}{{5}}(?![\w-])",
    "hash": rf"(?<=-){_NAME_END}{{8,10}}(?=-{_NAME_END}{{5}}\b)",
    "uid": r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b",
    "port": r"(?<=:)(?:3[3-9]|[45]\d|6[0-5])\d{3}\b",
    "node": r"(?<=node: )node-[12]\b",
}
FIXED = {"10.96.0.1", "10.96.0.10"}
MEASURED = r"\b\d+(?:\.\d+)?(?:ms|s|m|h| ms| s| MiB| bytes)\b"
PIECES = re.compile(
    "|".join(
        [
            *(f"(?P<{kind}>{pattern})" for kind, pattern in CHOSEN.items()),
            f"(?P<measured>{MEASURED})",
            r"(?P<any>\.\.\.)",
        ]
    )
    + r"|(?P<space>\s+)"
)


@dataclass(frozen=True, slots=True)
class Command:
    """One command of a page.

    Attributes:
        line: what is typed after the prompt; lines after the first begin with ``> ``, as a shell shows them.
        output: what the page prints below it.
    """

    line: str
    output: str


@dataclass(frozen=True, slots=True)
class SavedFile:
    """A file that the reader makes."""

    name: str
    text: str


def steps(page: str) -> Iterator[Command | SavedFile]:
    """What a reader of the page's text does, in order."""
    for block in FENCE.finditer(page):
        if block["title"]:
            yield SavedFile(block["title"], block["text"])
        elif block["language"] == "console":
            yield from map(_command, PROMPT.split(block["text"])[1:])


def _command(text: str) -> Command:
    first, *rest = text.splitlines()
    typed = [first]
    while rest and rest[0].startswith("> "):
        typed.append(rest.pop(0)[2:])
    return Command("\n".join(typed), "\n".join(rest).strip("\n"))


@dataclass(slots=True)
class Comparison:
    """Compares the outputs of one run of a page.

    Attributes:
        values: what has stood in the run for each value of the page that a cluster chooses.
    """

    values: dict[str, str] = field(default_factory=dict)

    def fits(self, expected: str, actual: str) -> bool:
        """Whether ``actual`` is what the page says, given all outputs before; what it chose is kept."""
        names: dict[str, str] = {}
        # A line of dots stands for any number of lines, none included.
        pattern = "".join(self._pieces(expected.strip(), names)).replace(r".*?\s+", r"(?:.*?\s+)?")
        found = re.fullmatch(pattern, actual.strip(), re.DOTALL)
        if found is None:
            return False
        together = self.values | {value: found[name] for value, name in names.items()}
        if len(set(together.values())) < len(together):
            return False
        self.values = together
        return True

    def _pieces(self, expected: str, names: dict[str, str]) -> Iterator[str]:
        """The page's text as a regular expression, piece by piece."""
        place = 0
        for piece in PIECES.finditer(expected):
            yield re.escape(expected[place : piece.start()])
            place = piece.end()
            yield self._piece(piece, names)
        yield re.escape(expected[place:])

    def _piece(self, piece: re.Match[str], names: dict[str, str]) -> str:
        kind, value = str(piece.lastgroup), piece[0]
        simple = {"space": r"\s+", "any": ".*?", "measured": MEASURED}
        if kind in simple:
            return simple[kind]
        if value in FIXED:
            return re.escape(value)
        if value in self.values:
            return re.escape(self.values[value])
        if value in names:
            return f"(?P={names[value]})"
        names[value] = f"v{len(names)}"
        return f"(?P<{names[value]}>{CHOSEN[kind]})"


_LOOP = """
exec 3<&0 </dev/null 2>&1
while IFS= read -r -d "" line <&3; do
  eval "$line" 3<&-
  printf "\\n%s\\n" "$END"
done
"""
"""A shell that reads each command up to a NUL, so that no command reads what is meant for the shell."""


class Shell:
    """One bash for all commands of a page.

    Args:
        user: who runs it.
        folder: where it begins.
        environment: its variables.
    """

    def __init__(self, user: User, folder: Path, environment: dict[str, str]) -> None:
        self._end = f"end-{secrets.token_hex(8)}\n"
        self._bash = subprocess.Popen(
            user.command("bash", "-c", _LOOP),
            cwd=folder,
            env=environment | {"END": self._end.strip()},
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def run(self, line: str) -> str:
        """Run a command line; return what it printed on both outputs."""
        self._bash.stdin.write(f"{line}\0")
        self._bash.stdin.flush()
        printed: list[str] = []
        for text in self._bash.stdout:
            if text == self._end:
                return "".join(printed)
            printed.append(text)
        raise AssertionError(f"the shell ended in {line!r}: {''.join(printed)}")

    def close(self) -> None:
        self._bash.stdin.close()
        self._bash.stdout.close()
        self._bash.wait()


class Reader:
    """Somebody who follows a page in a folder of their own, with labs of their own."""

    def __init__(self, user: User) -> None:
        self.user = user
        # Not below /tmp, which every container has one of its own of.
        self.folder = Path(tempfile.mkdtemp(prefix="fairlead-test-", dir="/var/tmp"))
        (self.folder / "run").mkdir()
        work = self.folder / "work"
        work.mkdir()
        for name in ("docs", "examples", "deploy"):
            (work / name).symlink_to(CHECKOUT / name)
        for path in (self.folder, self.folder / "run", work):
            path.chmod(0o700 if path.name == "run" else 0o755)
            if user.uid != os.geteuid():
                os.chown(path, user.uid, user.uid)
        environment = (
            os.environ
            | UNCOLLECTED
            | {
                "PATH": PATH,
                "HOME": str(self.folder),
                "XDG_RUNTIME_DIR": str(self.folder / "run"),
                "XDG_DATA_HOME": str(self.folder / "share"),
                "LC_ALL": "C.UTF-8",
                "PYTEST_ADDOPTS": UNRELATED,
            }
        )
        environment.pop("KUBECONFIG", None)
        self._shell = Shell(user, work, environment)

    def save(self, file: SavedFile) -> None:
        path = self.folder / "work" / file.name
        path.write_text(file.text)
        path.chmod(0o644)

    def run(self, line: str) -> str:
        return self._shell.run(line)

    def close(self) -> None:
        """End the shell and every lab that the page has left."""
        self._shell.run('for lab in "$XDG_RUNTIME_DIR"/fairlead/*/; do fairlead down --name "$(basename "$lab")"; done')
        self._shell.close()
        shutil.rmtree(self.folder)
