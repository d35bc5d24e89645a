"""PostgreSQL's primary and replicas are killed under load: no acknowledged write is lost, and readers continue."""

import re

import pytest

from tests.support.plays import Play, played
from tests.support.users import weakest

STALENESS = 10.0  # seconds, as examples/README.md has it


@pytest.fixture(scope="module", params=weakest(), ids=str)
def shown(request):
    with played("postgres_rw_split", request.param) as play:
        yield play


def balance(play: Play) -> dict[str, float]:
    """What the clients counted in the next phase."""
    output = play.next("fg")
    words = {
        "written": r"(\d+) writes acknowledged",
        "lost": r"(\d+) of them lost",
        "gap": r"between two acknowledgements ([\d.]+) s",
        "read": r"(\d+) reads answered",
        "failed": r"(\d+) failed",
        "behind": r"at most ([\d.]+) s behind",
    }
    counted = {name: float(re.search(pattern, output)[1]) for name, pattern in words.items()}
    print(counted)
    return counted


def test_writer_and_readers_while_servers_die(shown):
    roles = re.findall(r"^db-\d .*(primary|replica)$", shown.next("get pods"), re.MULTILINE)
    assert sorted(roles) == ["primary", "replica", "replica"]
    names = shown.next("dig").split()
    assert len(names) == 4
    assert all(address.startswith("10.244.") for address in names[:3])
    assert names[3].startswith("10.96.")
    assert shown.next("pg_stat_replication").count("quorum") == 2
    for _ in ("a replica is killed", "the primary is killed", "the primary's supervisor is stopped"):
        counted = balance(shown)
        assert counted["written"] > 0
        assert counted["read"] > 0
        assert counted["lost"] == 0
        assert counted["failed"] == 0
        assert counted["behind"] < STALENESS
