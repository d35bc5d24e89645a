"""Labs in tests: how soon a run's first test begins, what a namespace costs, and what 200 tests on one lab take."""

import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from fairlead.lab import Lab

TESTS = 200
SUITE = """
import pytest

CONFIG = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "mine"}}
SERVICE = {
    "apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
    "spec": {"ports": [{"port": 80}]},
}

@pytest.mark.parametrize("number", range(%d))
def test_objects(namespace, number):
    namespace.apply(CONFIG, SERVICE)
    assert namespace.get("svc", "web")["spec"]["clusterIP"]
"""


def run_suite(count: int) -> tuple[float, float]:
    """Seconds of a whole run with its lab, and of all of it but the first test's set-up."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "test_it.py").write_text(SUITE % count)
        began = time.perf_counter()
        command = [sys.executable, "-m", "pytest", "-q", "--durations=0", "-p", "no:cacheprovider", folder]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        whole = time.perf_counter() - began
    setups = [float(found) for found in re.findall(r"([\d.]+)s setup", done.stdout)]
    return whole, max(setups)


def main() -> None:
    firsts = [run_suite(1) for _ in range(3)]
    whole = statistics.median(seconds for seconds, _ in firsts)
    setup = statistics.median(seconds for _, seconds in firsts)
    print(f"a run of one test, with its lab      {whole:6.2f} s, of which the first set-up is {setup:.2f} s (2.5)")
    seconds, setup = run_suite(TESTS)
    each = (seconds - setup) / TESTS * 1000
    print(f"{TESTS} tests on one lab               {seconds:6.2f} s, {each:.0f} ms each beside the first set-up")
    with Lab() as lab:
        made, removed = [], []
        for _ in range(50):
            began = time.perf_counter()
            namespace = lab.namespace()
            made.append(time.perf_counter() - began)
            began = time.perf_counter()
            namespace.remove()
            removed.append(time.perf_counter() - began)
        began = time.perf_counter()
        lab.settled()
        settled = time.perf_counter() - began
    print(f"a namespace is made                  {statistics.median(made) * 1000:6.1f} ms (50)")
    print(f"  it is deleted, not waited for      {statistics.median(removed) * 1000:6.1f} ms")
    print(f"a lab in which nothing happens settles {settled * 1000:4.1f} ms")


if __name__ == "__main__":
    main()
