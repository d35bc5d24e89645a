"""Documents of any shape: no explanation breaks on them, and what cannot be read is said."""

import contextlib

from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.explain.proxying import Proxying
from fairlead.explain.subjects import SubjectError, explain, parse_subject
from tests.support.cluster_dumps import cluster, system, web

KINDS = ["Service", "EndpointSlice", "Pod", "Node", "NetworkPolicy", "Event", "StatefulSet", "Deployment"]
FIELDS = [
    "metadata",
    "spec",
    "name",
    "ports",
    "selector",
    "status",
    "items",
    "kind",
    "labels",
    "endpoints",
    "addresses",
]
SUBJECTS = ("svc/web", "pod/web", "sts/web", "netpol/web", "node/node-1", "10.96.0.10", "port/80", "pod/web-0")

SCALARS = st.none() | st.booleans() | st.integers(-5, 70000) | st.text(max_size=5)
ANY = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=4),
    max_leaves=12,
)
BODIES = st.dictionaries(st.sampled_from(["spec", "status", "endpoints", "ports", "items"]), ANY)
NAMED = st.dictionaries(st.sampled_from(["labels", "annotations", "ownerReferences"]), ANY).map(
    lambda fields: {**fields, "name": "web", "namespace": "default"}
)
DOCUMENTS = st.builds(
    lambda kind, body, metadata: {"kind": kind, **body, "metadata": metadata}, st.sampled_from(KINDS), BODIES, NAMED
)


@given(document=DOCUMENTS)
@settings(deadline=None)
def test_no_document_breaks_an_explanation(document):
    read = cluster([document, *system(), *web(1)])
    for subject in SUBJECTS:
        with contextlib.suppress(SubjectError):
            assert explain(read, parse_subject(subject), Proxying()).text
