"""Pods. Upstream: pkg/registry/core/pod, pkg/apis/core/validation."""

from fairlead.registry.kinds.pod.columns import COLUMNS, row
from fairlead.registry.strategy import Context, Doc, Strategy


def prepare_create(pod: Doc, context: Context) -> None:
    """A new Pod waits to be placed and started."""
    pod["status"] = {"phase": "Pending"}


STRATEGY = Strategy(
    prepare_create=prepare_create,
    bumps_generation=lambda new, old: bool(new["spec"] != old["spec"]),
    fields={
        "spec.nodeName": lambda pod: str(pod["spec"].get("nodeName", "")),
        "spec.restartPolicy": lambda pod: str(pod["spec"].get("restartPolicy", "")),
        "spec.schedulerName": lambda pod: str(pod["spec"].get("schedulerName", "")),
        "spec.serviceAccountName": lambda pod: str(pod["spec"].get("serviceAccountName", "")),
        "spec.hostNetwork": lambda pod: str(bool(pod["spec"].get("hostNetwork"))).lower(),
        "status.phase": lambda pod: str(pod.get("status", {}).get("phase", "")),
        "status.podIP": lambda pod: str(pod.get("status", {}).get("podIP", "")),
        "status.nominatedNodeName": lambda pod: str(pod.get("status", {}).get("nominatedNodeName", "")),
    },
    columns=COLUMNS,
    row=row,
    returns_deleted=True,
)
