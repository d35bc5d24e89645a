"""Every sentence of an explanation can be said in Chinese, and says the same things there."""

import ast
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

from fairlead.explain.chinese import SENTENCES
from fairlead.explain.doctor.coverage import not_checked
from fairlead.explain.doctor.examine import examine
from fairlead.explain.doctor.findings import CODES
from fairlead.explain.languages import CHINESE, ENGLISH, finding_in, statement_in, translated
from fairlead.explain.proxying import Proxying
from fairlead.explain.statements import Statement
from fairlead.explain.subjects import Subject, explain
from fairlead.model.phrases import PLURAL, Phrase
from tests.support.broken_clusters import BROKEN, HEALTHY, NODE_PORT, client, whole
from tests.support.cluster_dumps import cluster, service, web
from tests.unit.explain.test_journey import way

SOURCE = Path(__file__).parents[3] / "src/fairlead"
# What makes a sentence, and which argument it is.
MAKERS = {"Phrase": 0, "said": 0, "failed": 0, "unchecked": 0, "Statement": 0, "missing": 0, "_note": 2, "Trouble": 1,
          "NoSuchObject": 0, "SubjectError": 0}  # fmt: skip


def placeholders(template: str) -> set[str]:
    return {name for _, name, spec, _ in string.Formatter().parse(template) if name and spec != PLURAL}


def arguments() -> Iterator[tuple[str, ast.expr]]:
    """What the source makes sentences of, with the place."""
    for path in [*sorted((SOURCE / "explain").rglob("*.py")), SOURCE / "trace/dumped.py"]:
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if name in MAKERS and len(node.args) > MAKERS[name]:
                yield f"{path.relative_to(SOURCE)}:{node.lineno}", node.args[MAKERS[name]]


def alternatives(node: ast.expr) -> Iterator[ast.expr]:
    """Both sides of ``a if b else c``, and of ``a or b``."""
    branches = [node.body, node.orelse] if isinstance(node, ast.IfExp) else getattr(node, "values", [])
    if isinstance(node, ast.IfExp | ast.BoolOp):
        for each in branches:
            yield from alternatives(each)
    else:
        yield node


def test_every_sentence_of_the_source_has_its_chinese():
    written = [(where, each) for where, node in arguments() for each in alternatives(node)]
    plain = [(where, each.value) for where, each in written if isinstance(each, ast.Constant)]
    assert len(plain) > 250
    assert [(where, text) for where, text in plain if text not in SENTENCES] == []


def test_sentences_with_values_are_phrases():
    """An f-string forgets its template, and a sum of sentences has none."""
    written = [(where, each) for where, node in arguments() for each in alternatives(node)]
    assert [(where, ast.unparse(each)) for where, each in written if isinstance(each, ast.JoinedStr | ast.BinOp)] == []


@pytest.mark.parametrize("template", SENTENCES)
def test_same_values_in_both(template):
    assert placeholders(SENTENCES[template]) == placeholders(template)


def test_the_catalogue_has_no_unused_sentence():
    rooms = ("explain", "trace", "clusterdns", "cli", "app/ui")
    paths = [path for room in rooms for path in (SOURCE / room).rglob("*.py") if path.parent.name != "chinese"]
    found = {
        node.value
        for path in paths
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert sorted(SENTENCES.keys() - found) == []


@pytest.mark.parametrize("other", ["选择器", "命名空间", "终端节点", "头服务", "集群外部"])
def test_one_word_for_one_thing(other):
    """The terms of docs/glossary.md, and no others."""
    assert [text for text in SENTENCES.values() if other in text] == []


# --- what is told of real clusters -----------------------------------------------------------------------------------


def unknown(text: str) -> Iterator[str]:
    """The sentences in a text that have no Chinese."""
    if isinstance(text, Phrase):
        if text.template not in SENTENCES:
            yield text.template
        for value in text.values.values():
            for each in value if isinstance(value, tuple) else (value,):
                if isinstance(each, Phrase):
                    yield from unknown(each)
    elif " " in text and text not in SENTENCES:
        yield text


def unknown_in(statement: Statement) -> set[str]:
    return {text for each in statement.walk() for text in unknown(each.text)}


@pytest.mark.parametrize("case", [*BROKEN, *HEALTHY], ids=str)
def test_all_sentences_about_a_cluster_are_translated(case):
    read = case.cluster
    subjects = [Subject("Service", *key) for key in read.snapshot.services]
    subjects += [Subject("Pod", *key) for key in read.snapshot.pods]
    told = [explain(read, subject, Proxying()) for subject in subjects]
    told += not_checked(read)
    missing = {text for statement in told for text in unknown_in(statement)}
    missing |= {text for finding in examine(read) for text in unknown(finding.text)}
    assert missing == set()


def test_all_sentences_about_a_packet_are_translated():
    statement = way(whole(service(), web(), client()), "pod/client", "web", verbose=True)
    assert unknown_in(statement) == set()


def test_every_kind_of_finding_has_its_meaning_in_chinese():
    assert [code.meaning for code in CODES.values() if code.meaning not in SENTENCES] == []


# --- how it reads ----------------------------------------------------------------------------------------------------


def test_a_tree_in_chinese():
    read = cluster(whole(service(**NODE_PORT), web()))
    told = statement_in(CHINESE, explain(read, Subject("Service", "default", "web"), Proxying()))
    texts = [each.text for each in told.walk()]
    assert texts[0] == "Service default/web：NodePort"
    assert "类型 NodePort 由 2 层叠加而成" in texts
    assert "10.96.0.10:80/TCP：可从 Pod 和节点访问，不能从集群外访问" in texts


def test_names_are_no_words():
    """A Pod that is named as a word of ours keeps its name."""
    assert translated(Phrase("Pod {pod}: out, not ready", pod="ready"), CHINESE) == "Pod ready：不是端点，尚未就绪"


def test_untranslated_sentences_stay_english():
    assert translated(Phrase("a sentence about {pod}", pod="web"), CHINESE) == "a sentence about web"
    assert translated(Phrase("Pod {pod}: out, not ready", pod="a"), "fr") == "Pod a: out, not ready"


def test_english_is_left_alone():
    case = next(iter(BROKEN))
    for finding in examine(case.cluster):
        assert finding_in(ENGLISH, finding) is finding
        assert finding_in(CHINESE, finding).code == finding.code
