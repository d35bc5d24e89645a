"""The files that a node's HTTP API shows."""

import os

import pytest

from fairlead.drivers.kubelet.pages import file_page
from fairlead.drivers.pods.runtime import Refused

pytestmark = pytest.mark.io


@pytest.fixture
def folder(tmp_path):
    logs = tmp_path / "logs"
    (logs / "pods").mkdir(parents=True)
    (logs / "agent.log").write_text("one\ntwo\n")
    (logs / "a&b <1>.log").write_text("")
    (tmp_path / "secret").write_text("key")
    os.symlink(tmp_path / "secret", logs / "link")
    os.symlink("loop", logs / "loop")
    os.mkfifo(logs / "pipe")
    return logs


def test_a_file_is_shown(folder):
    assert file_page(folder, ("agent.log",)).body == b"one\ntwo\n"


def test_a_folder_is_listed_with_names_that_a_browser_reads_right(folder):
    page = file_page(folder, ())
    assert page.content_type.startswith("text/html")
    assert b'<a href="pods/">pods/</a>\n' in page.body
    assert b'<a href="a%26b%20%3C1%3E.log">a&amp;b &lt;1&gt;.log</a>\n' in page.body


NO_FILES = [
    ("..", "secret"),
    ("pods", "..", "agent.log"),
    ("link",),
    ("loop",),
    ("pipe",),
    ("agent.log", "x"),
    ("none",),
    ("\0",),
]


@pytest.mark.parametrize("segments", NO_FILES)
def test_paths_outside_of_the_folder_are_not_found(folder, segments):
    with pytest.raises(Refused) as refusal:
        file_page(folder, segments)
    assert refusal.value.code == 404
