"""Sentences that keep the values they were made of."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.model.names import ObjectKey
from fairlead.model.phrases import Phrase, filled


@pytest.mark.parametrize(
    ("phrase", "told"),
    [
        (Phrase("node {node} lets it pass", node="node-1"), "node node-1 lets it pass"),
        (Phrase("Service {service}", service=ObjectKey("default", "web")), "Service default/web"),
        (Phrase("{count} rule{count:plural}", count=0), "0 rules"),
        (Phrase("{count} rule{count:plural}", count=1), "1 rule"),
        (Phrase("{count} rule{count:plural}", count=2), "2 rules"),
        (Phrase("with probability {chance:.3f}", chance=1 / 3), "with probability 0.333"),
        (Phrase("it has {ports}", ports=[80, 443]), "it has 80, 443"),
        (Phrase("it has {words: and }", words=("a=b", "no label c")), "it has a=b and no label c"),
        (Phrase("it has {ports}", ports=[]), "it has "),
        (Phrase("ready: {ready}", ready=True), "ready: True"),
        (Phrase("{{}} of {pod}", pod="web"), "{} of web"),
        (Phrase("{end}: {what}", end=Phrase("Ingress of {pod}", pod="a"), what="b"), "Ingress of a: b"),
    ],
)
def test_phrases_read_as_english_text(phrase: Phrase, told: str) -> None:
    assert phrase == told
    assert type(str(phrase)) is str


@given(st.text(), st.lists(st.text()))
def test_values_are_shown_unchanged(value: str, items: list[str]) -> None:
    """Braces and other signs in a value mean nothing."""
    assert Phrase("a {value} b {items:|}", value=value, items=items) == f"a {value} b {'|'.join(items)}"


def test_a_value_that_is_missing() -> None:
    with pytest.raises(KeyError, match="pod"):
        filled("Pod {pod}", {})


def test_texts_are_changed_inside() -> None:
    inner = Phrase("Pod {pod}", pod="web")
    phrase = Phrase("{who} asks {names} {count} times", who=inner, names=["web", inner], count=2)
    changed = phrase.mapped(lambda text: text.replace("web", "label-1").replace("asks", "never"))
    assert changed == "Pod label-1 asks label-1, Pod label-1 2 times"
    assert changed.template == phrase.template


def test_copies_keep_what_they_know() -> None:
    phrase = Phrase("Pod {pod}", pod="web")
    assert copy.deepcopy(phrase).values == {"pod": "web"}
