"""What is stored of a document is what is given, in canonical form, and what upstream adds: not less and not more."""

import json
import re

import pytest

from fairlead.registry.resources import RESOURCES
from tests.support.api_corpus import changed, corpus, together, world_of_the_corpus

ROWS = {row.kind: row for row in RESOURCES if not row.view_of and {"create", "list"} <= set(row.verbs)}
DRAWN_METADATA = ("uid", "resourceVersion", "creationTimestamp", "managedFields")
# Names by which the server calls what it draws, in the stored documents of the corpus.
IP, PORT, UID, VOLUME = "IP", "PORT", "UID", "kube-api-access-"


@pytest.fixture(scope="module")
def world():
    return world_of_the_corpus()


def test_there_are_documents_of_every_kind():
    """A kind that is added needs documents, and nobody can take away most of them unseen."""
    cases = corpus()
    assert len(cases) >= 500
    assert len({case.text for case in cases}) == len(cases)
    assert {case.kind for case in cases} == ROWS.keys()


@pytest.mark.parametrize("case", [pytest.param(case, id=case.text) for case in corpus()])
def test_what_is_stored(world, case):
    start, row = world.state, ROWS[case.kind]
    place = f"apis/{row.group_version}" if row.group else f"api/{row.version}"
    url = f"/{place}/{'namespaces/default/' if row.namespaced else ''}{row.plural}"
    metadata = {"name": case.named, **case.given.get("metadata", {})}
    try:
        made = world.do("POST", url, {**case.given, "metadata": metadata})
        kept = world.do("GET", f"{url}/{case.named}")
    finally:
        world.state = start
    assert kept == made
    identity = {"name": case.named, **({"namespace": "default"} if row.namespaced else {})}
    wanted = together({"apiVersion": row.group_version, "kind": case.kind, "metadata": identity}, case.stored)
    assert without_drawn(made) == wanted


def without_drawn(document):
    """The document without what no two servers give alike."""
    uid = document["metadata"]["uid"]
    metadata = {key: value for key, value in document["metadata"].items() if key not in DRAWN_METADATA}
    named = re.sub(rf"{VOLUME}[a-z0-9]{{5}}", VOLUME, json.dumps({**document, "metadata": metadata}))
    result = json.loads(named.replace(uid, UID))
    if document["kind"] == "Service":
        _name_addresses(result["spec"])
    return result


def _name_addresses(spec):
    if spec.get("clusterIP", "None") != "None":
        spec |= {"clusterIP": IP, "clusterIPs": [IP]}
    for holder, field in ((spec, "healthCheckNodePort"), *((port, "nodePort") for port in spec.get("ports", ()))):
        if field in holder:
            holder[field] = PORT


@pytest.mark.parametrize(
    ("function", "given", "more"),
    [
        (together, {"a": 1}, {"a": 1}),
        (together, {"a": [{"b": 1}]}, {"a": [{"b": 2}]}),
        (changed, {"a": 1}, {"a": 1}),
        (changed, {"a": 1}, {"b": 2}),
        (changed, {"a": [{"b": 1}]}, {"a": [{"c": None}]}),
    ],
)
def test_the_corpus_says_nothing_twice(function, given, more):
    """An addition to what is given already, or a change that changes nothing, is a mistake of the corpus."""
    with pytest.raises(AssertionError):
        function(given, more)
