"""Pulls images from registries to this machine with this user's logins and settings, and unpacks them."""

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from fairlead.app.images.local import IMAGE_ERRORS, this_platform, unpack
from fairlead.drivers.clock_text import now_text
from fairlead.drivers.images.logins import logins_of_user
from fairlead.drivers.images.pulling import Progress, PulledImage, pull_image
from fairlead.drivers.images.registry import Registry
from fairlead.drivers.images.registry_answers import RegistryError
from fairlead.drivers.images.store import NamedImage, Store
from fairlead.images.auth_file import AuthFileError, Login
from fairlead.images.reference import ImageName
from fairlead.images.registries import Registries, RegistriesError, endpoints, read_registries

PULL_ERRORS = (*IMAGE_ERRORS, AuthFileError, RegistriesError, RegistryError)


class Pulled(NamedTuple):
    """The result of a pull; ``seconds`` includes unpacking."""

    image: PulledImage
    seconds: float


def pull(
    store: Store, name: ImageName, progress: Progress, plain: Sequence[str] = (), logins: Sequence[Login] | None = None
) -> Pulled:
    """Pull an image, unpack it, and give it its name.

    Args:
        plain: registries to access without TLS.
        logins: the logins for registries; None: those of this user.

    Raises:
        PULL_ERRORS: that cannot be done.
    """
    began = time.monotonic()
    shown = list(logins_of_user(name)) if logins is None else list(logins)
    places = endpoints(name, _registries(), plain)
    with store.shared():
        found = pull_image(store, name, this_platform(), places, progress, lambda place: Registry(place, shown))
        unpack(store, found.manifest)
        store.give_name(NamedImage(_store_name(name), found.manifest, found.source, found.size, now_text()))
    return Pulled(found, time.monotonic() - began)


def _store_name(name: ImageName) -> str:
    """An image that was requested by digest is found by its digest, with any tag."""
    return name.with_digest(name.digest) if name.digest else str(name)


def _registries() -> Registries:
    """This user's settings, or else the machine's."""
    config = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    given = os.environ.get("CONTAINERS_REGISTRIES_CONF")
    usual = [Path(config, "containers", "registries.conf"), Path("/etc/containers/registries.conf")]
    for path in [Path(given)] if given else usual:
        try:
            return read_registries(path.read_text(), str(path))
        except FileNotFoundError:
            continue
    return Registries()
