"""The wire works with the kernel's own VXLAN device, and only with invited hosts."""

import hashlib
import json
import subprocess
import sys

from tests.support.net import wire_pair
from tests.support.users import CHECKOUT


def test_a_kernel_is_at_the_other_end():
    program = [sys.executable, "-m", "tests.support.net.wire_pair"]
    command = ["unshare", "--user", "--map-root-user", "--net", *program]
    done = subprocess.run(command, cwd=CHECKOUT, text=True, capture_output=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["arrived"] == hashlib.sha256(wire_pair.DATA).hexdigest()
    assert not seen["uninvited"]
    assert f"drops packets from {wire_pair.UNINVITED}:" in seen["told"]
