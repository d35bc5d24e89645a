"""Maps a word for a kind to its resource, as kubectl does."""

from fairlead.drivers.kube.client import KubeClient, ResourcePath
from fairlead.drivers.kube.discovery import Discovered, discover
from fairlead.lab.errors import LabError

_SHORT = {
    "cm": "configmaps",
    "deploy": "deployments",
    "ds": "daemonsets",
    "ep": "endpoints",
    "ns": "namespaces",
    "no": "nodes",
    "po": "pods",
    "pvc": "persistentvolumeclaims",
    "rs": "replicasets",
    "sa": "serviceaccounts",
    "sts": "statefulsets",
    "svc": "services",
}


async def find_resource(client: KubeClient, word: str) -> ResourcePath:
    """The resource of ``svc``, ``services``, ``service``, ``Service``, or ``Service.GROUP``.

    Raises:
        LabError: the server has none of that name.
    """
    kind, _, group = word.lower().partition(".")
    known = (await discover(client)).found
    for row in sorted(known, key=lambda row: "/" in row.resource.group_version):  # the core's own go before others
        if _is_named(row, _SHORT.get(kind, kind)) and group in ("", row.resource.group_version.rpartition("/")[0]):
            return row.resource
    raise LabError(f'the server does not have a resource type "{word}"')


def _is_named(row: Discovered, word: str) -> bool:
    return word in (row.resource.plural, row.kind.lower())
