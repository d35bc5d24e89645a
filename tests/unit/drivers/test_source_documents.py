"""Texts as people have them: several JSON documents, YAML as Kubernetes reads it, logs between lists, deep nesting."""

import json

import pytest

from fairlead.drivers.sources.documents import UNREADABLE, LogDocument, parse, split_logs

ONE, TWO = {"kind": "Service", "metadata": {"name": "a"}}, {"kind": "Pod", "metadata": {"name": "b"}}


@pytest.mark.parametrize(
    ("text", "documents"),
    [
        (json.dumps(ONE), [ONE]),
        (json.dumps(ONE) + "\n" + json.dumps(TWO, indent=4) + "\n", [ONE, TWO]),
        (json.dumps([ONE, TWO]), [[ONE, TWO]]),
        ("---\nkind: Service\nmetadata: {name: a}\n---\n---\nkind: Pod\nmetadata:\n  name: b\n", [ONE, TWO]),
        ("{kind: Service, metadata: {name: a}}", [ONE]),
        ("created: 2026-01-01T00:00:00Z\nport: 80:80\n", [{"created": "2026-01-01T00:00:00Z", "port": "80:80"}]),
        ("number: 0777\nflag: yes\n", [{"number": 511, "flag": True}]),
        ("{on: a, 8080: b, 1.5: [{no: c}]}", [{"true": "a", "8080": "b", "1.5": [{"false": "c"}]}]),
        ("", []),
    ],
)
def test_documents(text, documents):
    assert parse(text) == documents


@pytest.mark.parametrize("text", ["a: [", "\t- x", "a: " + "[" * 400_000, "{" + '"a":{' * 400_000, "- " * 400_000])
def test_texts_that_are_no_documents_are_refused(text):
    with pytest.raises(UNREADABLE):
        parse(text)


def test_logs_among_lists_are_distinguished():
    text = (
        f"{json.dumps(ONE)}\n==== START logs for container main of pod shop/web-0 ====\n[INFO] {{\n"
        f"==== END logs for container main of pod shop/web-0 ====\n{json.dumps(TWO)}\n"
    )
    rest, logs = split_logs(text)
    assert parse(rest) == [ONE, TWO]
    assert logs == [LogDocument("shop", "web-0", "main", "[INFO] {\n")]
