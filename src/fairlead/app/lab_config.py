"""The configuration file of a lab (``fairlead up --config FILE``), read strictly: a field that nobody knows is refused.

Docs: docs/workloads.md (images).
"""

import shlex
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from fairlead.nodeagent.images import Image

T = TypeVar("T", bound=msgspec.Struct)


class ConfigError(ValueError):
    """The file cannot be used; the message names the file and the field."""


class ImageConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What stands for an image; see ``nodeagent.images.Image``. Text is split as a shell does."""

    entrypoint: str | tuple[str, ...] = ()
    args: str | tuple[str, ...] = ()
    env: dict[str, str] = {}

    def image(self) -> Image:
        """The row of the table.

        Raises:
            ValueError: a quotation is not closed.
        """
        return Image(_words(self.entrypoint), _words(self.args), self.env)


class _Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file, field by field. An image is a command line or an ``ImageConfig``."""

    images: dict[str, Any] = {}


class LabConfig(msgspec.Struct, frozen=True):
    """What the file says.

    Attributes:
        images: what stands for images, by pattern.
    """

    images: dict[str, Image] = {}


def read_config(path: Path) -> LabConfig:
    """The configuration that a YAML file holds.

    Raises:
        ConfigError: it cannot be read, or a field is wrong.
    """
    import yaml

    try:
        document = _converted(yaml.safe_load(path.read_text()) or {}, _Document, "")
        return LabConfig({pattern: _image(pattern, value) for pattern, value in document.images.items()})
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from error
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def image_of(command: str) -> Image:
    """What a command line stands for: arguments are added to it.

    Raises:
        ValueError: a quotation is not closed.
    """
    return Image(entrypoint=_words(command))


def _image(pattern: str, value: Any) -> Image:
    place = f'images["{pattern}"]'
    try:
        return image_of(value) if isinstance(value, str) else _converted(value, ImageConfig, place).image()
    except ValueError as error:
        raise error if isinstance(error, ConfigError) else ConfigError(f"{place}: {error}") from error


def _words(command: str | tuple[str, ...]) -> tuple[str, ...]:
    return tuple(shlex.split(command)) if isinstance(command, str) else command


def _converted(value: Any, type_: type[T], place: str) -> T:
    """The value as this type; what is wrong is said of its place."""
    try:
        return msgspec.convert(value, type_)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$")
        field = f"{place}{where.rstrip('`')}".lstrip(".")
        known = ", ".join(each.name for each in msgspec.structs.fields(type_))
        hint = f"; known here: {known}" if "unknown field" in what and not where else ""
        raise ConfigError(f"{field}: {what}{hint}" if field else f"{what}{hint}") from error
