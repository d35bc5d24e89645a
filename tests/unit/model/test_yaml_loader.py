"""YAML as Kubernetes reads it."""

import pytest

from fairlead.model.yaml_loader import DEEPEST, NotYaml, yaml_document, yaml_documents


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("a: 1", {"a": 1}),
        ("a: 22:22", {"a": "22:22"}),  # YAML 1.1: a number to the base of sixty
        ("a: 2026-01-01", {"a": "2026-01-01"}),  # YAML 1.1: a date
        ("8080: on", {"8080": True}),
        ("a: &x {b: 1}\nc: *x", {"a": {"b": 1}, "c": {"b": 1}}),
    ],
)
def test_values_are_those_of_json(text, value):
    assert yaml_document(text) == value


def test_documents_of_a_text():
    assert yaml_documents("---\na: 1\n---\n---\nb: 2\n") == [{"a": 1}, None, {"b": 2}]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a: [", "expected (the )?node content"),
        ("a: 1\n---\nb: 2", "expected a single document"),
        ("!!python/object:os.system {}", "could not determine a constructor"),
        ("[" * 100_000, f"nested deeper than {DEEPEST} levels"),
        ("{a: " * 100_000, f"nested deeper than {DEEPEST} levels"),
        ("- " * 100_000, f"nested deeper than {DEEPEST} levels"),
    ],
)
def test_what_is_not_yaml_is_refused(text, why):
    with pytest.raises(NotYaml, match=why):
        yaml_document(text)


def test_a_text_of_many_levels_beside_each_other_is_read():
    assert yaml_document("[" + "[]," * 20_000 + "]") == [[]] * 20_000
