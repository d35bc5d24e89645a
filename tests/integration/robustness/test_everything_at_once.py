"""``make robustness`` for a short time: kills, a full and failing disk, a moved clock and hostile clients, all at once.

``FAIRLEAD_ROBUSTNESS`` sets the minutes; CI runs two. The seed decides on the mishaps, not on when each of them comes.
"""

import os
import subprocess
import sys

from tests.support.users import CHECKOUT

MINUTES = os.environ.get("FAIRLEAD_ROBUSTNESS", "0.25")
SEED = "20261130"


def test_nothing_acknowledged_is_lost_and_everything_heals():
    command = [sys.executable, "-m", "tests.robustness", MINUTES, SEED]
    done = subprocess.run(
        command, cwd=CHECKOUT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    print(done.stdout)
    assert done.returncode == 0, done.stdout
