"""An informer that keeps whole documents, for readers that want more of an object than slim types have."""

from typing import Any

import msgspec

from fairlead.drivers.kube.client import KubeClient, ResourcePath
from fairlead.drivers.kube.informer import Informer, _List
from fairlead.model.decode import decode
from fairlead.model.objects import KubeObject
from fairlead.watching.collection import Listener


class Whole(KubeObject, frozen=True):
    """An object with its document as the server sent it."""

    document: Any = None


class DocumentInformer(Informer[Whole]):
    """A copy of one collection, whole."""

    def __init__(self, client: KubeClient, resource: ResourcePath, listener: Listener[Whole]) -> None:
        super().__init__(client, resource, Whole, listener)

    def _decode(self, raw: bytes) -> Whole:
        return msgspec.structs.replace(decode(Whole, raw), document=msgspec.json.decode(raw))

    def _decode_page(self, body: bytes) -> "_List[Whole]":
        return self._decode_each(body)
