"""Namespaces, and the kinds that a snapshot of a cluster holds."""

from fairlead.model.objects.metadata import KubeObject
from fairlead.model.objects.nodes import Node
from fairlead.model.objects.pods import Pod
from fairlead.model.objects.services import Service
from fairlead.model.objects.slices import EndpointSlice


class Namespace(KubeObject, frozen=True):
    """A Namespace; its existence alone matters to DNS."""


Object = Namespace | Service | EndpointSlice | Pod | Node
