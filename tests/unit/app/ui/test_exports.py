"""Each view as a self-contained file, in both languages."""

import xml.etree.ElementTree as ET
from datetime import UTC, datetime

import pytest

from fairlead.app.ui.exports import VIEWS, export
from fairlead.app.ui.options import UiOptions
from fairlead.cli.ui import _view_of
from fairlead.explain.subjects import SubjectError
from tests.support.broken_clusters import client, whole
from tests.support.cluster_dumps import cluster, service, web

READ = cluster(whole(service(), web(), client()))
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ASKED = {
    "explain": {"subject": "svc/web"},
    "trace": {"from": "pod/client", "to": "web"},
    "dns": {"name": "web", "pod": "client"},
}
PICTURES = ("map", "explain", "trace")


def saved(view, format_, **query):
    query = {"view": view, "format": format_, **ASKED.get(view, {}), **query}
    return export(READ, query, UiOptions(files=("a.yaml",)), NOW).body.decode()


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_is_a_page_without_scripts(view):
    text = saved(view, "html")
    assert text.startswith('<!doctype html>\n<html lang="en">')
    assert "2026-01-02 03:04:05 UTC" in text
    assert "<script" not in text
    assert "://" not in text.replace("http://www.w3.org/2000/svg", "")


@pytest.mark.parametrize("view", VIEWS)
def test_pictures_are_svg_and_other_views_say_that_they_are_none(view):
    if view in PICTURES:
        assert ET.fromstring(saved(view, "svg")).tag == "{http://www.w3.org/2000/svg}svg"
    else:
        with pytest.raises(SubjectError, match=f"the view {view} is no picture: export it as html"):
            saved(view, "svg")


@pytest.mark.parametrize(
    ("view", "told"),
    [
        ("map", "怎样改变这种行为"), ("doctor", "未检查的内容"), ("explain", "类型 ClusterIP 由 1 层叠加而成"),
        ("trace", ">跳转到 services"), ("rules", ""), ("dns", "Service 的虚拟 IP"),
    ],
)  # fmt: skip
def test_in_chinese(view, told):
    text = saved(view, "html", lang="zh")
    assert '<html lang="zh-CN">' in text
    assert told in text


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("map", {"view": "map"}),
        ("trace?from=pod/client&to=web%3A80", {"view": "trace", "from": "pod/client", "to": "web:80"}),
        ("#/dns?name=web", {"view": "dns", "name": "web"}),
        ("svc/web", {"view": "explain", "subject": "svc/web"}),
        ("10.96.0.10", {"view": "explain", "subject": "10.96.0.10"}),
    ],
)
def test_a_view_is_named_as_the_page_names_it(text, query):
    assert _view_of(text) == query
