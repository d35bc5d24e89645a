"""A configuration in a ConfigMap: the Corefile of ``kube-system/coredns``, applied as soon as the watch reports it.

One that cannot be used is refused as a whole with an Event about the ConfigMap, and the one in force stays. Without the
ConfigMap, or without a Corefile in it, the server answers as it did in the beginning.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

from fairlead.app.dns.flags import Flags
from fairlead.app.dns.options import DnsOptions
from fairlead.app.dns.settings import ConfigurationSource, SettingsError
from fairlead.drivers.kube.client import KubeClient, ResourcePath
from fairlead.drivers.kube.event_recorder import EventWriter
from fairlead.drivers.kube.informer import Informer
from fairlead.model.events import EventText
from fairlead.model.names import ObjectKey
from fairlead.model.objects import KubeObject

CONFIG_MAPS = ResourcePath("v1", "configmaps")
COREFILE = "Corefile"
COMPONENT = "fairlead-dns"

log = logging.getLogger(__name__)


class ConfigMap(KubeObject, frozen=True):
    """A ConfigMap, as far as it is text."""

    data: Mapping[str, str] | None = None


class ConfigMapFollower:
    """Follows one ConfigMap.

    Args:
        first: the options without it.
        apply: puts options in force, or raises ``SettingsError``.

    Attributes:
        failed: changes that were refused.
    """

    def __init__(
        self,
        client: KubeClient,
        key: ObjectKey,
        first: DnsOptions,
        apply: Callable[[DnsOptions], Awaitable[None]],
    ) -> None:
        self.failed = 0
        self._first, self._apply = first, apply
        self._events = EventWriter(client)
        self._told: asyncio.Queue[ConfigMap | None] = asyncio.Queue()
        query = {"fieldSelector": f"metadata.name={key.name}"}
        self._informer = Informer(client, CONFIG_MAPS.within(key.namespace), ConfigMap, self._note, query)
        self._text: str | None = None  # of the Corefile that was taken, or refused, last

    async def run(self) -> None:
        """Follow it until cancelled."""
        await asyncio.gather(self._informer.run(), self._events.run(), self._take_all())

    def _note(self, _: ConfigMap | None, new: ConfigMap | None) -> None:
        self._told.put_nowait(new)

    async def _take_all(self) -> None:
        while True:
            known = await self._told.get()
            text = (known.data or {}).get(COREFILE) if known else None
            if text != self._text:
                self._text = text
                await self._take(known, text)

    async def _take(self, known: ConfigMap | None, text: str | None) -> None:
        try:
            await self._apply(self._first if text is None else self._options(text))
        except SettingsError as error:
            self.failed += 1
            log.error("the Corefile is refused, the one in force stays: %s", error)
            self._say(known, EventText("CorefileRefused", str(error), "Warning"))
        else:
            log.warning("the Corefile is in force" if text is not None else "no Corefile: as in the beginning")
            self._say(known, EventText("CorefileApplied", "the Corefile is in force"))

    def _options(self, text: str) -> DnsOptions:
        """The options of a Corefile; pages stay where probes look for them, and wildcards are those of the Pod."""
        found = ConfigurationSource(COREFILE, lambda: text, Flags()).load()
        return self._first.serving(found)

    def _say(self, known: ConfigMap | None, event: EventText) -> None:
        if known is not None:
            self._events.recorder(COMPONENT).record(known, "v1", "ConfigMap", event)
