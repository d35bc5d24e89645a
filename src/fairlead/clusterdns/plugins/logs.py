"""``log`` and ``errors``: which replies and failures are logged."""

from typing import NamedTuple

from fairlead.clusterdns.corefile.blocks import Directive
from fairlead.clusterdns.corefile.faults import Wrong
from fairlead.clusterdns.corefile.patterns import Pattern
from fairlead.clusterdns.corefile.values import all_zones, none, seconds
from fairlead.clusterdns.names import Name, is_within

CLASSES = ("all", "success", "denial", "error")
LEVELS = ("warning", "error", "info", "debug")
COMMON = (
    '{remote}:{port} - {>id} "{type} {class} {name} {proto} {size} {>do} {>bufsize}" '
    "{rcode} {>rflags} {rsize} {duration}"
)
COMBINED = COMMON.replace("{>bufsize}", "{>bufsize} {>opcode}")


class LogRule(NamedTuple):
    """Replies of these classes about names in these zones are logged in this format.

    Attributes:
        slower: replies that took longer than this many seconds are logged, whatever their class.
    """

    zones: tuple[Name, ...] = ((),)
    format: str = ""
    classes: frozenset[str] = frozenset(("all",))
    slower: float | None = None

    def wants(self, name: Name, class_: str, duration: float) -> bool:
        """Whether a reply of this class is logged."""
        if not any(is_within(name, zone) for zone in self.zones):
            return False
        slow = self.slower is not None and duration > self.slower
        return slow or bool(self.classes & {"all", class_})


class Consolidation(NamedTuple):
    """Failures whose text matches are counted, and reported once in this many seconds."""

    every: float
    pattern: Pattern
    level: str


class ErrorRule(NamedTuple):
    """Failures are logged."""

    consolidated: tuple[Consolidation, ...] = ()

    def consolidation(self, text: str) -> Consolidation | None:
        """The rule that counts a failure; None if it is logged at once."""
        return next((rule for rule in self.consolidated if rule.pattern.matches(text)), None)


def class_of(rcode: int, has_answer: bool) -> str:
    """The class of a reply: ``success``, ``denial`` (of the name or the type), or ``error``."""
    if rcode == 0:
        return "success" if has_answer else "denial"
    return "denial" if rcode == 3 else "error"


def log_rule(directive: Directive, zones: tuple[Name, ...]) -> LogRule:
    """``log [NAME...] [FORMAT] { class CLASS...; minDuration DURATION }``."""
    *names, last = ("", *directive.arguments)
    is_format = "{" in last or " " in last
    texts = [name for name in (*names, "" if is_format else last) if name]
    classes: set[str] = set()
    slower = None
    for option in directive.options:
        if option.name == "class":
            unknown = [c for c in option.arguments if c not in CLASSES]
            if unknown or not option.arguments:
                raise Wrong(f"class {' '.join(unknown)} is unknown; known are {', '.join(CLASSES)}")
            classes |= set(option.arguments)
        elif option.name == "minDuration":
            slower = seconds(option.arguments[0], "minDuration") if option.arguments else 0.0
        else:
            raise Wrong(f"option {option.name} of log is not supported; known are class, minDuration")
    chosen = last.replace("{combined}", COMBINED).replace("{common}", COMMON) if is_format else COMMON
    return LogRule(all_zones(texts) or zones, chosen, frozenset(classes or {"all"}), slower)


def error_rule(directive: Directive) -> ErrorRule:
    """``errors { consolidate DURATION PATTERN [LEVEL] }``."""
    found = []
    for option in directive.options:
        if option.name in ("stacktrace", "panicRecoveryStacktrace"):
            none(option)
        elif option.name == "consolidate" and len(option.arguments) in (2, 3, 4):
            every, text, *level = option.arguments
            level = [word for word in level if word != "show_first"] or ["error"]
            if level[0] not in LEVELS:
                raise Wrong(f"consolidate: {level[0]} is no level; known are {', '.join(LEVELS)}")
            found.append(Consolidation(seconds(every, "consolidate"), Pattern(text), level[0]))
        else:
            raise Wrong(
                f"option {option.name} of errors is not supported; known is consolidate DURATION PATTERN [LEVEL]"
            )
    return ErrorRule(tuple(found))
