"""What the API server says about its own health. A server that answers at all is alive; it is ready while its store
takes writes."""

from typing import NamedTuple
from urllib.parse import parse_qsl

STORE = "etcd"  # the name that health checks look for
# What must work before the first request is answered: the process, its log, the store, the objects that it starts with.
CHECKS = ("ping", "log", STORE, "poststarthook/rbac/bootstrap-roles")


class HealthPage(NamedTuple):
    """An answer to a health check."""

    code: int
    body: bytes


def health_page(path: str, query: bytes, trouble: str = "") -> HealthPage:
    """The answer for ``/livez`` and its like, or for one check below: each check where asked for, or where one fails.

    Args:
        trouble: why the store takes no writes; empty when it does.
    """
    name, _, check = path.lstrip("/").partition("/")
    checks = (check,) if check else CHECKS
    asked = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    excluded = {value for option, value in asked if option == "exclude"}
    fails = bool(trouble) and name == "readyz" and STORE in checks and STORE not in excluded
    if not fails and "verbose" not in dict(asked):
        return HealthPage(200, b"ok")
    lines = [_line(each, trouble if fails and each == STORE else "", each in excluded) for each in checks]
    if unknown := sorted(excluded - set(checks)):
        listed = ", ".join(f'"{each}"' for each in unknown)
        lines.append(f"warn: some health checks cannot be excluded: no matches for {listed}")
    text = "\n".join([*lines, f"{name} check {'failed' if fails else 'passed'}", ""])
    return HealthPage(500 if fails else 200, text.encode())


def _line(check: str, trouble: str, is_excluded: bool) -> str:
    if is_excluded:
        return f"[+]{check} excluded: ok"
    return f"[-]{check} failed: {trouble}" if trouble else f"[+]{check} ok"
