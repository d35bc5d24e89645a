"""The page's files: nothing from elsewhere, nothing inline, and the same words in every language."""

import json
import re

import pytest

from fairlead.drivers.ui.page_files import FOLDER, page_files

pytestmark = pytest.mark.io
TEXTS = {path: body.decode() for path, (body, _) in page_files().items()}
SCRIPTS = {path: text for path, text in TEXTS.items() if path.endswith(".js")}


def test_no_external_resource_is_loaded():
    for path, text in TEXTS.items():
        found = set(re.findall(r"(?:https?:)?//[\w.-]+\.\w+[\w/.-]*", text)) - {
            "http://www.w3.org/2000/svg",
            "//www.w3.org/2000/svg",
        }
        assert not found, (path, found)


def test_the_page_has_no_scripts_or_styles_inline():
    page = TEXTS["/index.html"]
    assert not re.search(r"<script(?![^>]*src=)|<style|\sstyle=|\son\w+=", page)


@pytest.mark.parametrize("path", SCRIPTS)
def test_scripts_make_no_markup_of_text(path):
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function", SCRIPTS[path])


@pytest.mark.parametrize("path", SCRIPTS)
def test_imports_lead_to_files(path):
    for name in re.findall(r'from "\./([\w.]+)"', SCRIPTS[path]):
        assert (FOLDER / "js" / name).is_file()


def test_every_language_has_the_same_words():
    english, chinese = (json.loads(TEXTS[f"/words/{name}.json"]) for name in ("en", "zh"))
    assert english.keys() == chinese.keys()
    for key, text in english.items():
        assert set(re.findall(r"\{\w+\}", text)) == set(re.findall(r"\{\w+\}", chinese[key])), key


def test_every_word_that_is_used_is_there():
    known = json.loads(TEXTS["/words/en.json"]).keys()
    used = set(re.findall(r'data-w(?:-label)?="([\w-]+)"', TEXTS["/index.html"]))
    for text in SCRIPTS.values():
        used |= set(re.findall(r'\bw\("([\w-]+)"', text))
    assert used <= known, used - known
