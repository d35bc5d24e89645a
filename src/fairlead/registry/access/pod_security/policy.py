"""The policy in a namespace's labels: a level and a version of the standards, for each of three modes.

Upstream: pod-security-admission ``api/helpers.go``. Nothing is exempt, and the default is ``privileged:latest``.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from fairlead.registry.field_errors import FieldError, invalid

PREFIX = "pod-security.kubernetes.io/"
PRIVILEGED, BASELINE, RESTRICTED = LEVELS = ("privileged", "baseline", "restricted")  # the stricter the later
LATEST = 1 << 30  # the minor version of "latest": newer than all others
_VERSION = re.compile(r"v1\.(0|[1-9][0-9]{0,8})")


class Standard(NamedTuple):
    """A level of the standards, as it was in one minor version of Kubernetes."""

    level: str = PRIVILEGED
    version: int = LATEST

    def __str__(self) -> str:
        return f"{self.level}:{'latest' if self.version == LATEST else f'v1.{self.version}'}"

    @property
    def strictness(self) -> int:
        return LEVELS.index(self.level)


class NamespacePolicy(NamedTuple):
    """A namespace's policy: the standards for refusals, for warnings, and for an audit log."""

    enforce: Standard = Standard()
    warn: Standard = Standard()
    audit: Standard = Standard()


def policy_of(labels: Mapping[str, str]) -> tuple[NamespacePolicy, list[FieldError]]:
    """The policy in labels, and their faults.

    An invalid level to enforce counts as the strictest, an invalid level to warn as the laxest.
    """
    if not any(label.startswith(PREFIX) for label in labels):
        return NamespacePolicy(), []
    faults: list[FieldError] = []
    standards = {}
    for mode in ("enforce", "audit", "warn"):
        level = _level(labels, mode, faults)
        standards[mode] = Standard(level, _version(labels, f"{mode}-version", faults))
    return NamespacePolicy(**standards), faults


def _level(labels: Mapping[str, str], mode: str, faults: list[FieldError]) -> str:
    level = labels.get(PREFIX + mode, PRIVILEGED)
    if level in LEVELS:
        return level
    faults.append(_fault(mode, level, f"must be one of {', '.join(LEVELS)}"))
    return RESTRICTED if mode == "enforce" else PRIVILEGED


def _version(labels: Mapping[str, str], label: str, faults: list[FieldError]) -> int:
    text = labels.get(PREFIX + label, "latest")
    if match := _VERSION.fullmatch(text):
        return int(match[1])
    if text != "latest":
        faults.append(_fault(label, text, 'must be "latest" or "v1.x"'))
    return LATEST


def _fault(label: str, value: str, why: str) -> FieldError:
    return invalid(f"metadata.labels[{PREFIX}{label}]", value, why)
