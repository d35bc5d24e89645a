"""Explains the objects of a lab, for ``explain`` and for reports of failed tests."""

from collections.abc import Iterable

from fairlead.dataplane.node_view import NodeSettings
from fairlead.drivers.kube.client import KubeError, Unreachable
from fairlead.drivers.sources.live import read_live_cluster
from fairlead.explain.cluster import Cluster
from fairlead.explain.doctor.examine import about, examine
from fairlead.explain.proxying import NFT, Proxying, inferred
from fairlead.explain.render.findings import render_findings
from fairlead.explain.render.text import render_text
from fairlead.explain.statements import Verdict
from fairlead.explain.subjects import NoSuchObject, SubjectError, parse_subject
from fairlead.explain.subjects import explain as explain_subject
from fairlead.lab.connection import LabConnection
from fairlead.lab.errors import LabError
from fairlead.lab.results import Explanation
from fairlead.model.names import ObjectKey

_API = ObjectKey("default", "kubernetes")  # which every cluster has
SHOWN = 4  # Services of a namespace that a report explains


def read(connection: LabConnection) -> Cluster:
    """The current state of the lab's API; raises LabError when it does not answer."""
    try:
        return read_live_cluster(str(connection.lab.kubeconfig), None)
    except (KubeError, Unreachable) as error:
        raise LabError(str(error)) from error


def explain(cluster: Cluster, subject: str, namespace: str) -> Explanation:
    """Why the subject (``svc/web``, ``pod/db-0``, an address…) is as it is.

    Raises:
        LabError: it cannot be read, or is not there.
    """
    proxying = Proxying(NFT, inferred(cluster, NodeSettings(node_port_addresses=("primary",))))
    try:
        statement = explain_subject(cluster, parse_subject(subject, namespace), proxying, namespace)
    except (NoSuchObject, SubjectError) as error:
        raise LabError(str(error)) from error
    return Explanation(render_text(statement), statement.outcome is Verdict.FAILED, statement)


def diagnose(cluster: Cluster, namespaces: Iterable[str]) -> str:
    """Findings about Services of these namespaces, with fixes; empty if there are none."""
    wanted = set(namespaces)
    keys = [key for key in cluster.snapshot.services if key.namespace in wanted]
    findings = [finding for finding in about(examine(cluster), keys) if finding.services]
    return render_findings(findings, ()) if findings else ""


def report(cluster: Cluster, namespaces: Iterable[str]) -> str:
    """The report for a failed test: findings in its namespaces, and the trees of the failing Services."""
    wanted = sorted(set(namespaces))
    parts = [diagnose(cluster, wanted)]
    keys = sorted(key for key in cluster.snapshot.services if key.namespace in wanted and key != _API)
    trees = [(key, explain(cluster, f"svc/{key.name}", key.namespace)) for key in keys]
    failing = [(key, tree) for key, tree in trees if tree.has_failed] or trees
    parts += [f"$ fairlead explain svc/{key.name} -n {key.namespace}\n{tree.text}" for key, tree in failing[:SHOWN]]
    if len(failing) > SHOWN:
        parts.append(f"({len(failing) - SHOWN} more Services of {', '.join(wanted)})\n")
    return "\n".join(part for part in parts if part)
