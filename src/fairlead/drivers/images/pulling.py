"""Pulls an image: its manifest, then its blobs, several at a time, from the first registry or mirror that has it."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import NamedTuple, Protocol

from fairlead.drivers.images.registry import FetchedManifest, Registry
from fairlead.drivers.images.registry_answers import RegistryError
from fairlead.drivers.images.store import Store
from fairlead.images.digest import DigestMismatch
from fairlead.images.documents import (
    Descriptor,
    DocumentError,
    Index,
    Manifest,
    Platform,
    check_platform,
    choose_platform,
    layers_of,
    read_config,
    read_manifest,
    size_of,
)
from fairlead.images.reference import ImageName
from fairlead.images.registries import RegistryEndpoint

AT_A_TIME = 3  # blobs, as Docker
_DEEPEST_INDEX = 4


class Progress(Protocol):
    """Receives the progress of a pull, from several threads."""

    def blob(self, digest: str, size: int, done: int) -> None:
        """So many octets of a blob's are there."""


class PulledImage(NamedTuple):
    """An image whose blobs are all in the store.

    Attributes:
        source: the digest of its name at its registry, perhaps that of an index.
        size: octets of its blobs.
    """

    manifest: str
    source: str
    size: int


def pull_image(
    store: Store,
    name: ImageName,
    platform: Platform,
    places: Sequence[RegistryEndpoint],
    progress: Progress,
    open_registry: Callable[[RegistryEndpoint], Registry],
) -> PulledImage:
    """Fetch what is missing of an image from the first place that gives it.

    Raises:
        RegistryError, DocumentError, DigestMismatch, OSError: none does; of the last place, which is its own registry.
    """
    failures: list[str] = []
    for number, place in enumerate(places):
        registry = open_registry(place)
        try:
            return _pull(store, name, platform, registry, progress)
        except (RegistryError, DigestMismatch, DocumentError) as error:
            if number == len(places) - 1:
                if failures:
                    raise RegistryError("; ".join([str(error), *failures])) from error
                raise
            failures.append(f"mirror {place.host}: {error}")
        finally:
            registry.close()
    raise RegistryError("there is no registry to pull from")


def _pull(store: Store, name: ImageName, platform: Platform, registry: Registry, progress: Progress) -> PulledImage:
    first = registry.manifest(name.digest or name.tag)
    manifest, fetched = _descend(registry, first, platform, str(name), _DEEPEST_INDEX)
    _fetch_all(store, registry, [manifest.config], progress)
    config = read_config(store.read_blob(manifest.config.digest, "configuration"), manifest.config.digest)
    check_platform(config, platform, str(name))
    layers_of(manifest, config, str(name))
    _fetch_all(store, registry, manifest.layers, progress)
    with store.incoming(fetched.digest) as blob:
        if blob:
            blob.restart()
            blob.write(fetched.content)
            blob.commit()
    return PulledImage(fetched.digest, first.digest, size_of(manifest))


def _descend(
    registry: Registry, fetched: FetchedManifest, platform: Platform, what: str, depth: int
) -> tuple[Manifest, FetchedManifest]:
    document = read_manifest(fetched.content, fetched.media_type, what)
    if not isinstance(document, Index):
        return document, fetched
    if depth == 0:
        raise DocumentError(f"{what}: indexes are nested deeper than {_DEEPEST_INDEX} levels")
    chosen = choose_platform(document, platform, what)
    return _descend(registry, registry.manifest(chosen.digest), platform, what, depth - 1)


def _fetch_all(store: Store, registry: Registry, blobs: Sequence[Descriptor], progress: Progress) -> None:
    """Several at a time; when one fails, the others stop, and what they have stays for the next pull."""
    wanted = {each.digest: each for each in blobs}
    stopped = threading.Event()
    with ThreadPoolExecutor(AT_A_TIME) as threads:
        running = [threads.submit(_fetch, store, registry, each, progress, stopped) for each in wanted.values()]
        try:
            done, _ = wait(running, return_when=FIRST_EXCEPTION)
            failed = next((each for each in done if each.exception()), None)
        except BaseException:
            stopped.set()
            raise
        if failed:
            stopped.set()
            threads.shutdown(cancel_futures=True)
            failed.result()


class _Stopped(Exception):
    """Another blob has failed."""


def _fetch(store: Store, registry: Registry, blob: Descriptor, progress: Progress, stopped: threading.Event) -> None:
    def told(done: int) -> None:
        if stopped.is_set():
            raise _Stopped
        progress.blob(blob.digest, blob.size, done)

    with store.incoming(blob.digest) as incoming:
        if incoming:
            registry.fetch(blob, incoming, told)
    progress.blob(blob.digest, blob.size, blob.size)


@contextmanager
def no_progress() -> Iterator[Progress]:
    """Nobody is told."""

    class Nobody:
        def blob(self, digest: str, size: int, done: int) -> None:
            return

    yield Nobody()
