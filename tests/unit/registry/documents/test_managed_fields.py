"""Two ways to the same answer: the quick ones for every write say what the plain ones say."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.registry.documents.managed_fields import wire_sets
from fairlead.registry.documents.managed_fields.differences import differences
from fairlead.registry.documents.managed_fields.leaves import leaves_of
from fairlead.registry.documents.managed_fields.paths import PathField, PathItem, PathMember, to_fields_v1
from fairlead.registry.documents.managed_fields.tree import tree_of
from fairlead.registry.resources import RESOURCES
from fairlead.registry.schemas.catalogue import type_of
from tests.support.api_corpus import corpus

TYPES = {row.kind: type_of(row.group_version, row.kind) for row in RESOURCES if not row.view_of}
CORPUS = [
    pytest.param(TYPES[case.kind], {"metadata": {}, **case.given}, id=case.text)
    for case in corpus()
    if not case.repeats
]


@pytest.mark.parametrize(("type_name", "document"), CORPUS)
def test_the_tree_of_a_document_holds_its_leaves(type_name, document):
    assert tree_of(type_name, document) == to_fields_v1(frozenset(leaves_of(type_name, document)))


@pytest.mark.parametrize(("type_name", "document"), CORPUS)
def test_differences_are_those_of_all_leaves(type_name, document):
    others = [case.values[1] for case in CORPUS if case.values[0] == type_name]
    for other in others[:12]:
        before, after = leaves_of(type_name, other), leaves_of(type_name, document)
        changed = {path for path, value in after.items() if path not in before or before[path] != value}
        found = differences(type_name, other, document)
        assert found.changed == changed
        assert found.gone == before.keys() - after.keys()


ELEMENTS = st.sampled_from([PathField("a"), PathField("b"), PathMember("c"), PathItem((("port", 80),))])
FIELDS = st.frozensets(st.lists(ELEMENTS, min_size=1, max_size=3).map(tuple), min_size=1, max_size=6)


def spelled(fields):
    return json.dumps(to_fields_v1(fields)) if fields else "null"


@given(FIELDS, FIELDS)
def test_sets_are_joined_and_reduced_as_they_are_spelled(one, other):
    trees = to_fields_v1(one), to_fields_v1(other)
    assert json.dumps(wire_sets.union(*trees)) == spelled(one | other)
    assert json.dumps(wire_sets.difference(*trees)) == spelled(one - other)


@pytest.mark.parametrize("written", [{"f:a": 5}, {"f:a": None}, {"f:a": []}, {"f:b": {"f:a": "x"}}, {"f:b": 1}])
def test_whatever_a_client_wrote_counts_as_members(written):
    fields = to_fields_v1(frozenset([(PathField("a"),), (PathField("b"),), (PathField("b"), PathField("a"))]))
    assert wire_sets.difference(written, fields) is None
    assert wire_sets.difference(wire_sets.union(written, fields), fields) is None
