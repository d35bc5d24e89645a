"""Fields that PersistentVolumes and their claims share: access modes, amounts, and their columns."""

from typing import Any

from fairlead.model.document import Doc
from fairlead.model.quantities import quantity
from fairlead.registry.field_errors import FieldError, invalid, not_supported, required
from fairlead.registry.kinds.cells import UNSET
from fairlead.registry.kinds.value_rules import one_of

_MODES = {
    "ReadWriteOnce": "RWO",
    "ReadOnlyMany": "ROX",
    "ReadWriteMany": "RWX",
    "ReadWriteOncePod": "RWOP",
}
_VOLUME_MODES = ("Block", "Filesystem")


def modes_faults(path: str, modes: list[str]) -> list[FieldError]:
    """The faults of access modes: there is at least one, and ReadWriteOncePod excludes others."""
    if not modes:
        return [required(path, "at least 1 access mode is required")]
    faults = [not_supported(path, mode, _MODES) for mode in modes if mode not in _MODES]
    if "ReadWriteOncePod" in modes and len(set(modes)) > 1:
        faults.append(invalid(path, modes, "may not use ReadWriteOncePod with other access modes"))
    return faults


def amount_faults(path: str, amount: Any) -> list[FieldError]:
    """The faults of a number of bytes; it is there."""
    number = quantity(str(amount))
    if number is not None and number <= 0:
        return [invalid(path, amount, "must be greater than zero")]
    return []


def volume_mode_faults(spec: Doc) -> list[FieldError]:
    """The fault of a mode that is neither a folder nor a device."""
    return one_of("spec.volumeMode", spec.get("volumeMode", "Filesystem"), _VOLUME_MODES)


def modes_text(modes: list[str] | None) -> str:
    """Access modes in short, each once and in upstream's order (``GetAccessModesAsString``)."""
    return ",".join(short for mode, short in _MODES.items() if mode in (modes or ()))


def mode_cell(spec: Doc) -> str:
    """The volume mode as ``-o wide`` shows it."""
    return str(spec.get("volumeMode") or UNSET)
