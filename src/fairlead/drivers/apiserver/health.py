"""What the API server says about its own health. A server that answers at all has passed every check."""

from urllib.parse import parse_qsl

# What must work before the first request is answered: the process, its log, the store, the objects that it starts with.
CHECKS = ("ping", "log", "etcd", "poststarthook/rbac/bootstrap-roles")


def health_page(path: str, query: bytes) -> bytes:
    """The body for ``/livez`` and its like, or for one check below: each check where asked for."""
    name, _, check = path.lstrip("/").partition("/")
    if "verbose" not in dict(parse_qsl(query.decode("latin-1"), keep_blank_values=True)):
        return b"ok"
    lines = [f"[+]{each} ok" for each in ([check] if check else CHECKS)]
    return "\n".join([*lines, f"{name} check passed", ""]).encode()
