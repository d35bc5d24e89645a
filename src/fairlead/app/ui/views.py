"""The views of the page, computed by ``explain``: functions from the cluster and a request to a document."""

from collections.abc import Callable, Mapping
from typing import Any

from fairlead.app.ui.options import UiOptions
from fairlead.app.ui.pictures import language_of
from fairlead.dataplane.node_view import NodeSettings
from fairlead.drivers.ui.exchange import PageRequest
from fairlead.explain.cluster import Cluster
from fairlead.explain.doctor.coverage import not_checked
from fairlead.explain.doctor.examine import examine
from fairlead.explain.languages import LANGUAGES, finding_in, statement_in
from fairlead.explain.proxying import IPTABLES, NFT, Proxying, inferred
from fairlead.explain.render.documents import explanation_document
from fairlead.explain.render.findings import diagnosis_document
from fairlead.explain.subjects import explain as explain_subject
from fairlead.explain.subjects import parse_subject

View = Callable[[Cluster, PageRequest, UiOptions], Any]  # a document, or a whole reply


def proxying_of(cluster: Cluster, backend: str) -> Proxying:
    """How the nodes forward, as far as the cluster's objects show it."""
    return Proxying(IPTABLES if backend == IPTABLES else NFT, inferred(cluster, NodeSettings()))


def explain(cluster: Cluster, request: PageRequest, options: UiOptions) -> Any:
    """The explanation of a subject."""
    subject = parse_subject(request.query.get("subject", ""), options.namespace)
    proxying = proxying_of(cluster, request.query.get("backend", NFT))
    statement = explain_subject(cluster, subject, proxying)
    return explanation_document(str(subject), statement, language_of(request.query))


def diagnoses(cluster: Cluster) -> Mapping[str, Any]:
    """Everything that is wrong, in each language."""
    found, missing = examine(cluster), list(not_checked(cluster))
    return {
        language: diagnosis_document(
            (finding_in(language, each) for each in found), (statement_in(language, each) for each in missing)
        )
        for language in LANGUAGES
    }


def choices(cluster: Cluster) -> Any:
    """The choices for the page's forms."""
    snapshot = cluster.snapshot
    return {
        "pods": sorted(f"{p.namespace}/{p.name}" for p in snapshot.pods.values() if p.ips and not p.is_finished),
        "nodes": sorted(snapshot.nodes),
        "services": sorted(map(str, snapshot.services)),
        "namespaces": sorted(snapshot.namespaces),
        "zone": cluster.zone,
    }
