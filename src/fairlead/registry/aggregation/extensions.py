"""The versions of groups that other servers serve, by the stored APIServices.

A version that this server has itself, built in or by a definition, is never another server's.
Upstream: kube-aggregator ``pkg/apiserver``.
"""

import base64
from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from fairlead.model.document import Doc
from fairlead.model.names import ObjectKey
from fairlead.registry.questions import ReviewServer, ServiceReference
from fairlead.registry.resources import ResourceTable
from fairlead.registry.strategy import Document

STORAGE = "apiservices.apiregistration.k8s.io"


class Extension(NamedTuple):
    """A version of a group that another server answers.

    Attributes:
        priorities: of the group, then of the version; the higher comes first.
    """

    name: str
    group: str
    version: str
    server: ReviewServer
    priorities: tuple[int, int]

    @property
    def group_version(self) -> str:
        return f"{self.group}/{self.version}"


Extensions = tuple[Extension, ...]


class _Read:
    """The latest extensions, and what they were read from."""

    def __init__(self) -> None:
        self.services: Mapping[ObjectKey, Document] = {}
        self.found: Extensions = ()


_read = _Read()


def extensions(services: Mapping[ObjectKey, Document], table: ResourceTable) -> Extensions:
    """The versions that other servers answer, the most important first."""
    if services is not _read.services:
        documents = [msgspec.json.decode(stored.document) for stored in services.values()]
        found = [_extension(document) for document in documents if document["spec"].get("service")]
        _read.found = tuple(sorted(found, key=lambda each: (-each.priorities[0], -each.priorities[1], each.name)))
        _read.services = services
    return tuple(each for each in _read.found if each.group_version not in table.group_versions)


def _extension(document: Doc) -> Extension:
    spec = document["spec"]
    group, version, service = spec["group"], spec["version"], spec["service"]
    where = ServiceReference(service["namespace"], service["name"], service["port"], f"/apis/{group}/{version}")
    authorities = base64.b64decode(spec.get("caBundle") or "")
    server = ReviewServer("", where, authorities, bool(spec.get("insecureSkipTLSVerify")))
    return Extension(
        document["metadata"]["name"],
        group,
        version,
        server,
        (spec["groupPriorityMinimum"], spec["versionPriority"]),
    )
