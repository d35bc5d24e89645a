"""Manifests in files: JSON, YAML, several documents, lists."""

import pytest

from fairlead.drivers.kube.manifests import ManifestError, read_manifests

pytestmark = pytest.mark.io  # files, sockets or processes


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('{"kind": "Pod", "metadata": {"name": "a"}}', ["a"]),
        ("kind: Pod\nmetadata: {name: a}\n", ["a"]),
        ("{kind: Pod, metadata: {name: a}}\n", ["a"]),
        ("---\nkind: Pod\nmetadata: {name: a}\n---\n---\nkind: Pod\nmetadata: {name: b}\n", ["a", "b"]),
        ('{"kind": "List", "items": [{"metadata": {"name": "a"}}, {"metadata": {"name": "b"}}]}', ["a", "b"]),
        ('{"kind": "Pod", "metadata": {"name": "a"}}\n---\n{"kind": "Pod", "metadata": {"name": "b"}}', ["a", "b"]),
        ("# nothing\n", []),
    ],
)
def test_documents_in_order(tmp_path, text, names):
    path = tmp_path / "m"
    path.write_text(text)
    assert [document["metadata"]["name"] for _, document in read_manifests(str(path))] == names


def test_a_document_among_several_says_which_it_is(tmp_path):
    path = tmp_path / "m.yaml"
    path.write_text("kind: A\n---\nkind: B\n")
    assert [source for source, _ in read_manifests(str(path))] == [f"{path}, document 1", f"{path}, document 2"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "m"),
        ("- 1\n", "an object is wanted, not list"),
        ("text", "not str"),
        ("a: " + "[" * 100_000, "nested deeper than"),
        ('{"a": ' * 100_000, "nested deeper than"),
        ('{"a": ' * 20_000 + "1" + "}" * 20_000, "nested deeper than"),
    ],
)
def test_invalid_manifests_are_refused(tmp_path, text, message):
    path = tmp_path / "m"
    path.write_text(text)
    with pytest.raises(ManifestError, match=message):
        list(read_manifests(str(path)))


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ManifestError, match="No such file"):
        list(read_manifests(str(tmp_path / "none")))
