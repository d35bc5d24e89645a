"""A kernel learns from an announcer's packets, over IPv4 and IPv6 alike, who has an address."""

import json
import subprocess
import sys

from tests.support.net import link_pair
from tests.support.users import CHECKOUT


def test_a_neighbour_learns_the_announced_address():
    program = [sys.executable, "-m", "tests.support.net.link_pair"]
    command = ["unshare", "--user", "--map-root-user", "--net", *program]
    done = subprocess.run(command, cwd=CHECKOUT, text=True, capture_output=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    learned = json.loads(done.stdout)
    for address in (*link_pair.ASKED, *link_pair.TOLD):
        assert learned[address] == link_pair.MAC, address
    for address in link_pair.NOT_ANSWERED:
        assert learned[address] in ("INCOMPLETE", "FAILED"), address
