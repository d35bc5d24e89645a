"""Two ways to the same answer: the quick ones for every write say what the plain ones say."""

import pytest

from fairlead.registry.documents.managed_fields.differences import differences
from fairlead.registry.documents.managed_fields.leaves import leaves_of
from fairlead.registry.documents.managed_fields.paths import to_fields_v1
from fairlead.registry.documents.managed_fields.tree import tree_of
from fairlead.registry.resources import RESOURCES
from fairlead.registry.schemas.catalogue import type_of
from tests.support.api_corpus import corpus

TYPES = {row.kind: type_of(row.group_version, row.kind) for row in RESOURCES if not row.view_of}
CORPUS = [pytest.param(TYPES[kind], {"metadata": {}, **body}, id=text) for text, kind, body in corpus()]


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
