"""Names and rules, for the page."""

from collections.abc import Mapping
from typing import Any

from fairlead.app.ui.options import UiOptions
from fairlead.app.ui.pictures import language_of
from fairlead.app.ui.views import proxying_of
from fairlead.drivers.ui.exchange import PageRequest
from fairlead.explain.about.ruleset import lines_of
from fairlead.explain.asking import Search, search_of
from fairlead.explain.cluster import Cluster
from fairlead.explain.languages import translated
from fairlead.explain.proxying import NFT
from fairlead.explain.render.documents import explanation_document
from fairlead.explain.subjects import NoSuchObject
from fairlead.model.names import ObjectKey
from fairlead.model.phrases import Phrase


def names(cluster: Cluster, request: PageRequest, options: UiOptions) -> Any:
    """The answers for a name, one for each question.

    Raises:
        SubjectError: there is no such Pod or type.
    """
    query = request.query
    found = find_names(cluster, query, options)
    language = language_of(query)
    return {
        "steps": [step._asdict() | {"why": translated(step.why, language)} for step in found.steps],
        "explanation": explanation_document(found.statement.text, found.statement, language),
    }


def find_names(cluster: Cluster, query: Mapping[str, str], options: UiOptions) -> Search:
    """The search that a request asks for; raises SubjectError as ``search_of`` does."""
    space, slash, name = query.get("pod", "").partition("/")
    pod = ObjectKey(space, name) if slash else ObjectKey(options.namespace, space) if space else None
    return search_of(cluster, query.get("name", "").strip(), pod, query.get("type", "A"))


def rules(cluster: Cluster, request: PageRequest, options: UiOptions) -> Any:
    """The rules of a node, line by line.

    Raises:
        NoSuchObject: there is no such Node.
    """
    query, nodes = request.query, cluster.snapshot.nodes
    node = query.get("node") or min(nodes, default="a node")
    if nodes and node not in nodes:
        raise NoSuchObject(Phrase("there is no Node {node}", node=node))
    found = lines_of(cluster, proxying_of(cluster, query.get("backend", NFT)), node)
    language = language_of(query)
    lines = [line._asdict() | {"reason": translated(line.reason, language)} for line in found]
    return {"node": node, "lines": lines}
