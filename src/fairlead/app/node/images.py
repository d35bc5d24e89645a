"""The images of a node: which command or which image of the store a container runs."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

from fairlead.app.node.image_pulls import Puller, pull_logins
from fairlead.drivers.images import in_use
from fairlead.drivers.images.places import StorePlace
from fairlead.drivers.images.root_files import read_root_file
from fairlead.drivers.images.store import ImageStoreError, NamedImage, Store, StoredImage
from fairlead.drivers.kube.client import KubeClient
from fairlead.drivers.pods.launching.launcher import Launcher
from fairlead.drivers.pods.process import why_no_overlay
from fairlead.images.digest import DigestMismatch
from fairlead.images.documents import DocumentError
from fairlead.images.layer_plan import LayerError
from fairlead.images.reference import ImageName, InvalidReference, parse_reference
from fairlead.images.users import Accounts
from fairlead.model.events import EventText
from fairlead.nodeagent.images import ImageError, Images, find_image, is_command
from fairlead.nodeagent.manifest import Container, RunPod
from fairlead.nodeagent.pulling import NEVER, PullError, PullFailure, backing_off, failed, is_wanted, never, pulled
from fairlead.nodeagent.real_image import RealImage, stacked

log = logging.getLogger(__name__)

MOST_LISTED = 50  # images in the status of a Node, as upstream
_BROKEN = (DigestMismatch, DocumentError, LayerError, ImageStoreError, OSError)


class InvalidName(ImageError):
    """The image's name is invalid."""

    reason = "InvalidImageName"


class NotUsable(ImageError):
    """The image is in the store, but no container can run it."""

    reason = "CreateContainerError"


class Asker(NamedTuple):
    """A Pod that needs an image, the client that reads its logins, and the receiver of news about the pull."""

    pod: RunPod
    client: KubeClient
    say: Callable[[EventText], None]


class ChosenImage(NamedTuple):
    """The image that a container runs, or None for a command of this machine. ``is_fresh``: it was pulled just now."""

    image: RealImage | None
    is_fresh: bool = False


class NodeImages:
    """The images that Pods of one node can run.

    Attributes:
        commands: the substitutes for images, by pattern.

    Args:
        place: the store of the lab's user; None: there is none.
        puller: pulls images that are not in the store; None: no pulls.
    """

    def __init__(self, commands: Images, place: StorePlace | None = None, puller: Puller | None = None) -> None:
        self.commands, self._place, self._puller = commands, place, puller
        self._failures: dict[tuple[str, str], PullFailure] = {}  # by Pod UID and image
        self._opened: Store | None = None
        self._known: dict[str, RealImage] = {}  # by digest of the manifest
        self._held: dict[str, int] = {}  # descriptors that say that an image is in use
        self._unpacking = asyncio.Lock()
        self._no_overlay: str | None = None  # None before it has been tried

    async def get(self, container: Container, asker: Asker) -> ChosenImage:
        """The image of a container, pulled if its pull policy requires that and the lab allows pulls.

        Raises:
            ImageError: it cannot be had. KubeError, Unreachable: the API could not be asked for logins.
        """
        text, policy = container.image, container.image_pull_policy
        found = await self.find(text)
        if self._place and self._puller and not is_command(text, self.commands):
            if is_wanted(policy, is_there=found is not None):
                await self._pull(text, asker, self._puller)
                return ChosenImage(await self.find(text), is_fresh=True)
            if found is None:
                raise never(text)
        elif found is None and policy == NEVER and not self._has_command(container):
            raise never(text)
        return ChosenImage(found)

    def _has_command(self, container: Container) -> bool:
        return bool(container.command) or find_image(container.image, self.commands) is not None

    async def _pull(self, text: str, asker: Asker, puller: Puller) -> None:
        key, clock = (asker.pod.metadata.uid, text), asyncio.get_running_loop().time
        if (before := self._failures.get(key)) and clock() < before.until:
            raise backing_off(text, before)
        began, name = clock(), _parsed(text)
        asker.say(EventText("Pulling", f'Pulling image "{text}"'))
        logins, missing = await pull_logins(asker.client, asker.pod, name)
        if missing:
            what = f"Unable to retrieve some image pull secrets ({', '.join(missing)})"
            message = f"{what}; attempting to pull the image may not succeed."
            asker.say(EventText("FailedToRetrieveImagePullSecret", message, "Warning"))
        try:
            fetched = await puller.pull(name, logins)
        except PullError as error:
            self._failures[key] = failed(str(error), before, clock())
            asker.say(EventText("Failed", f'Failed to pull image "{text}": {error}', "Warning"))
            raise
        self._failures.pop(key, None)
        asker.say(EventText("Pulled", pulled(text, fetched.seconds, clock() - began, fetched.size)))

    async def must_copy(self, launcher: Launcher, asker: Asker) -> bool:
        """Whether roots of containers must be copied because the kernel refuses overlayfs; the reason is reported
        once."""
        if self._no_overlay is None:
            self._no_overlay = await why_no_overlay(launcher)
            if self._no_overlay:
                message = f"{self._no_overlay}; layers are copied for each container, which takes time and memory"
                log.warning("%s", message)
                asker.say(EventText("OverlayRefused", message, "Warning"))
        return bool(self._no_overlay)

    def listed(self) -> list[dict[str, Any]]:
        """The images of the store as the status of a Node has them, the largest first."""
        if self._place is None or not self._place.folder.exists():
            return []
        found: dict[str, dict[str, Any]] = {}
        for named in self._store.names():
            row = found.setdefault(named.manifest, {"names": [], "sizeBytes": named.size})
            if named.source:
                row["names"].append(parse_reference(named.name).with_digest(named.source))
            row["names"].append(named.name)
        rows = sorted(found.values(), key=lambda row: -int(row["sizeBytes"]))[:MOST_LISTED]
        return [{**row, "names": list(dict.fromkeys(row["names"]))} for row in rows]

    async def find(self, text: str) -> RealImage | None:
        """The image of the store that a name means; None when a command stands for it, or may.

        Raises:
            InvalidName: it is no name. NotUsable: what it means is damaged.
        """
        if self._place is None or is_command(text, self.commands):
            return None
        name = _parsed(text)
        try:
            named = self._store.find(name)
            return None if named is None else await self._real(named, name)
        except _BROKEN as error:
            raise NotUsable(f'image "{text}" cannot be used: {error}') from error

    def hold(self, manifest: str) -> None:
        """Keep an image from being removed for as long as this node runs."""
        if manifest and self._place and manifest not in self._held:
            self._held[manifest] = in_use.hold(self._store.folder, manifest)

    @property
    def _store(self) -> Store:
        if self._opened is None:
            assert self._place
            self._opened = Store(*self._place)
        return self._opened

    async def _real(self, named: NamedImage, name: ImageName) -> RealImage:
        self.hold(named.manifest)
        known = self._known.get(named.manifest)
        if known is None or not self._store.is_unpacked(self._store.image(named.manifest)):
            image = self._store.image(named.manifest)
            async with self._unpacking:
                await asyncio.to_thread(self._unpack, image)
            known = self._known[named.manifest] = self._read(image)
        return replace(known, id=_id_of(named, name, known.id))

    def _unpack(self, image: StoredImage) -> None:
        """Layers are there already, as a rule: an image is unpacked when it is brought."""
        with self._store.shared():
            for layer in image.layers:
                self._store.unpack(layer)

    def _read(self, image: StoredImage) -> RealImage:
        layers = [self._store.layer_path(diff_id) for diff_id in stacked(layer.diff_id for layer in image.layers)]
        accounts = Accounts(*(read_root_file(layers, "etc", name) for name in ("passwd", "group")))
        return RealImage(image.config_digest, image.manifest, image.config.process, tuple(map(str, layers)), accounts)


def _parsed(text: str) -> ImageName:
    try:
        return parse_reference(text)
    except InvalidReference as error:
        message = f'Failed to apply default image tag "{text}": couldn\'t parse image name "{text}": {error}'
        raise InvalidName(message) from error


def _id_of(named: NamedImage, name: ImageName, config_digest: str) -> str:
    """The image ID: the registry's digest, if the image was pulled from one."""
    return name.with_digest(named.source) if named.source else config_digest
