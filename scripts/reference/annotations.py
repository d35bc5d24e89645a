"""Annotations, labels and other names below ``fairlead.dev/``, and what each is for."""

import re
from collections.abc import Iterator

from scripts.reference.source import SOURCE

MEANINGS: dict[str, tuple[str, str]] = {
    "fairlead.dev/allow-shared-ip": (
        "annotation of Services",
        "Services with the same value may share the address of a load balancer ([rules](../controllers.md)).",
    ),
    "fairlead.dev/balancing": (
        "annotation of Services",
        "`source-hash` chooses the endpoint by a hash of the client's address; `random` is the default ([proxy](../proxy.md)).",
    ),
    "fairlead.dev/endpoint-weights": (
        "annotation of Services",
        "Weights of endpoints by patterns of their names, as `canary-*=1, *=9` ([proxy](../proxy.md)).",
    ),
    "fairlead.dev/joined": ("label of Nodes", "The Node is on another host than the lab's first."),
    "fairlead.dev/load-balancer-ips": (
        "annotation of Services",
        "The addresses that a load balancer is to have, at most one of each family, with a comma between them.",
    ),
    "fairlead.dev/local": ("provisioner", "Makes volumes as folders of the lab ([workloads](../workloads.md))."),
    "fairlead.dev/pool": ("loadBalancerClass", "The class of Services that get addresses from Fairlead's pools."),
    "fairlead.dev/proxy-modes": ("annotation, for people", "Which back end each node's proxy was started with."),
    "fairlead.dev/served": ("condition of Pods", "Whether a server of a test (`serve`) is listening."),
    "fairlead.dev/serves": ("label of Pods", "Marks Pods that stand for a server of a test (`serve`)."),
    "fairlead.dev/v1": (
        "apiVersion",
        "Of what `explain`, `trace`, `doctor` and `diff` print with `-o json` ([schemas](schemas.md)).",
    ),
}
"""Name -> what it is on, and what it does."""

UPSTREAM: dict[str, str] = {
    "endpoints.kubernetes.io/last-change-trigger-time": "EndpointSlices and Endpoints: when the change that they show began.",
    "endpoints.kubernetes.io/over-capacity": "Endpoints: addresses were left out.",
    "kubectl.kubernetes.io/last-applied-configuration": "What client-side apply sent last; taken over by server-side apply.",
    "service.kubernetes.io/topology-mode": "Services: `Auto` gives EndpointSlices hints by zone.",
    "service.kubernetes.io/headless": "label of EndpointSlices and Endpoints of headless Services.",
    "service.kubernetes.io/service-proxy-name": "label of Services that another proxy serves.",
    "service.beta.kubernetes.io/load-balancer-source-ranges": "Services: as `loadBalancerSourceRanges`.",
    "node.kubernetes.io/out-of-service": "taint: the node is certainly off, so its Pods may be replaced (KEP-2268).",
}
"""Names of upstream that change what Fairlead does, and how."""

_OURS = re.compile(r"\bfairlead\.dev/[a-z0-9-]+")


def names() -> Iterator[str]:
    """Every name below ``fairlead.dev/`` that the source has."""
    for path in SOURCE.rglob("*.py"):
        yield from _OURS.findall(path.read_text())


def annotations_page() -> str:
    ours = [f"| `{name}` | {kind} | {text} |" for name, (kind, text) in sorted(MEANINGS.items())]
    theirs = [f"| `{name}` | {text} |" for name, text in sorted(UPSTREAM.items())]
    return "\n".join(
        [
            "# Annotations, labels and other names\n",
            "## Of Fairlead\n",
            "| name | is | means |",
            "|---|---|---|",
            *ours,
            "\n## Of Kubernetes, where they change what Fairlead does\n",
            "| name | means |",
            "|---|---|",
            *theirs,
            "",
        ]
    )
