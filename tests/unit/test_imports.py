"""What is not imported while a lab starts: each module costs its start time and memory."""

import subprocess
import sys

import pytest

# What begins, and what it must do without: packages that only some labs or some processes need.
STARTS = {
    "fairlead up": (
        "fairlead.cli.lab, fairlead.app.lab.host.detached, fairlead.lab.options, fairlead.lab.parts",
        (
            "asyncio",
            "httpx2",
            "fairlead.drivers.kube.client",
            "cryptography",
            "yaml",
            "dns",
            "ssl",
            "fairlead.registry",
        ),
    ),
    "PID 1": (
        "fairlead.app.lab.init.entry",
        (
            "dns",
            "fairlead.clusterdns",
            "fairlead.app.announcer",
            "h2",
            "re2",
            "isal",
            "zstandard",
            "fairlead.bgp.session",
        ),
    ),
}


@pytest.mark.io
@pytest.mark.parametrize("start", STARTS)
def test_a_start_imports_nothing_that_it_does_not_need(start):
    modules, unneeded = STARTS[start]
    code = f"import sys, {modules}; print(*sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert set(found).isdisjoint(unneeded)


def test_exports_are_imported_on_first_use():
    import fairlead.lab

    assert {name: getattr(fairlead.lab, name).__name__ for name in fairlead.lab.__all__} == {
        name: name for name in fairlead.lab.__all__
    }
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        _ = fairlead.lab.Nothing
