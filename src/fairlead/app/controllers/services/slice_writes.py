"""The EndpointSlices of every Service as the API has them, and the carrying out of plans for them.

Each answer to a write goes into the local copy at once, so that a watch that lags behind cannot make a controller write
the same again.
"""

import time
from collections.abc import Callable

from fairlead.app.controllers.context import ControllerContext
from fairlead.app.controllers.watches import Watched
from fairlead.drivers.kube.client import ENDPOINT_SLICES, KubeError
from fairlead.endpointslice.documents import slice_document
from fairlead.endpointslice.slice_set import SlicePlan
from fairlead.model.decode import decode
from fairlead.model.document import Doc
from fairlead.model.marks import Mark, Station
from fairlead.model.names import ObjectKey
from fairlead.model.objects import EndpointSlice


class ServiceSlices:
    """Slices by Service; ``concerned`` hears of every change that was not this object's own."""

    def __init__(
        self, context: ControllerContext, watched: Watched[EndpointSlice], concerned: Callable[[ObjectKey], None]
    ) -> None:
        self._client, self._watched, self._concerned = context.client, watched, concerned
        self._marks = context.marks
        self._slices: dict[ObjectKey, dict[str, EndpointSlice]] = {}
        self._is_writing = False
        watched.listen(self._changed)

    def of(self, service: ObjectKey) -> list[EndpointSlice]:
        """The slices that are labelled for the Service, of any author."""
        return list(self._slices.get(service, {}).values())

    async def carry_out(self, plan: SlicePlan) -> None:
        """Make the writes of a plan.

        Raises:
            KubeError, Unreachable: one of them failed; those before it are done.
        """
        began = time.time()
        for slice_ in plan.creates:
            path = ENDPOINT_SLICES.path(slice_.namespace)
            self._learn(await self._client.create(path, slice_document(slice_)), began)
        for slice_ in plan.updates:
            path = ENDPOINT_SLICES.path(slice_.namespace, slice_.name)
            self._learn(await self._client.replace(path, slice_document(slice_)), began)
        for slice_ in plan.deletes:
            await self._delete(slice_)

    async def _delete(self, slice_: EndpointSlice) -> None:
        try:
            await self._client.delete(ENDPOINT_SLICES.path(slice_.namespace, slice_.name))
        except KubeError as error:
            if error.code != 404:
                raise

    def _learn(self, document: Doc, began: float) -> None:
        written = decode(EndpointSlice, document)
        about = ("EndpointSlice", *written.key, written.version)
        self._marks.tell([Mark("controllers", Station.SLICE, *about, began, time.time())])
        self._is_writing = True  # what we have just written needs no second look
        try:
            self._watched.learn(document)
        finally:
            self._is_writing = False

    def _changed(self, old: EndpointSlice | None, new: EndpointSlice | None) -> None:
        for slice_ in (old, new):
            if slice_ and slice_.service_key:
                self._file(slice_, slice_.service_key, present=slice_ is new)

    def _file(self, slice_: EndpointSlice, service: ObjectKey, *, present: bool) -> None:
        siblings = self._slices.setdefault(service, {})
        if present:
            siblings[slice_.name] = slice_
        else:
            siblings.pop(slice_.name, None)
            if not siblings:
                del self._slices[service]
        if not self._is_writing:
            self._concerned(service)
