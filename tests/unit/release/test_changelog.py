"""Fragments become a release of the changelog."""

import pytest
from scripts.release.changelog import folded, section_of

HEAD = "# Changelog\n\nWhat changed.\n\n"
FRAGMENTS = {"dns-names": "- A name.\n", "ui": "- A page.\n- A map.\n", "something-else": "- A thing.\n"}


def test_a_new_release_goes_on_top_with_its_sections_in_order():
    before = f"{HEAD}## 0.1.0 (2026-01-02)\n\n### DNS\n\n- Old.\n"
    assert folded(before, FRAGMENTS, "0.2.0", "2026-03-04") == (
        f"{HEAD}## 0.2.0 (2026-03-04)\n\n"
        "### Why a Service does what it does\n\n- A page.\n- A map.\n\n"
        "### DNS\n\n- A name.\n\n"
        "### Also\n\n- A thing.\n\n"
        "## 0.1.0 (2026-01-02)\n\n### DNS\n\n- Old.\n"
    )


def test_a_release_that_is_written_already_gets_the_rest_and_its_date():
    before = f"{HEAD}## 0.1.0 (unreleased)\n\n### The lab\n\n- Begun.\n\n### DNS\n\n- Older.\n"
    assert folded(before, {"dns-names": "- A name.\n"}, "0.1.0", "2026-03-04") == (
        f"{HEAD}## 0.1.0 (2026-03-04)\n\n### The lab\n\n- Begun.\n\n### DNS\n\n- Older.\n- A name.\n"
    )


def test_a_release_is_made_once():
    with pytest.raises(ValueError, match=r"0\.1\.0 of 2026-03-04 already"):
        folded(f"{HEAD}## 0.1.0 (2026-03-04)\n\n### DNS\n\n- Old.\n", {}, "0.1.0", "2026-03-05")


@pytest.mark.parametrize(
    ("fragment", "section"),
    [("dns-corefile", "DNS"), ("explain", "Why a Service does what it does"), ("nobody-thought-of-it", "Also")],
)
def test_fragments_know_their_section_by_name(fragment, section):
    assert section_of(fragment) == section
