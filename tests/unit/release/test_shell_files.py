"""Man pages and completions that the package brings."""

import pytest
from scripts.reference.commands import commands
from scripts.release.shell_files import COMPLETIONS, completion, man_page

CONTEXTS = {context.command_path: context for context in commands()}


@pytest.mark.parametrize("path", sorted(CONTEXTS))
def test_every_command_has_a_man_page(path):
    page = man_page(CONTEXTS[path], "2026-01-02")
    assert page.startswith(f'.TH "{path.upper().replace(" ", "-")}" "1" "2026-01-02" "Fairlead ')
    assert [line for line in page.splitlines() if not line.strip() or line.startswith("'")] == []
    for section in (".SH NAME", ".SH SYNOPSIS", ".SH DESCRIPTION", ".SH OPTIONS"):
        assert f"\n{section}\n" in page, section
    assert (
        "\\-\\-help\n" in page
    )  # click keeps a command's help option, so whether -h is beside it depends on the tests before


def test_a_group_names_the_pages_of_its_commands():
    assert "\n.BR fairlead\\-dns\\-query (1)\n" in man_page(CONTEXTS["fairlead dns"], "2026-01-02")


@pytest.mark.parametrize("shell", sorted(COMPLETIONS))
def test_completions_ask_the_command_itself(shell):
    assert f"_FAIRLEAD_COMPLETE={shell}_complete" in completion(shell)
