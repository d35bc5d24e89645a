"""Only what the doctor proposes can be applied, and only where changes are allowed."""

import asyncio

import pytest

from fairlead.app.ui.fixes import find_fix, fixing
from fairlead.app.ui.options import UiOptions
from fairlead.app.ui.world import World
from fairlead.drivers.ui.exchange import PageRequest
from tests.support.broken_clusters import whole
from tests.support.cluster_dumps import cluster, service, web

BROKEN = cluster(whole(service(selector={"app": "wbe"}), web()))
SUBJECT = {"kind": "Service", "namespace": "default", "name": "web"}
FIX = 'kubectl patch -n default service web --type merge -p \'{"spec":{"selector":{"app":"web"}}}\''
WANTED = {"code": "selector-nothing", "subject": SUBJECT, "fix": FIX}


def test_fixes_of_the_doctor_are_recognised():
    found = find_fix(BROKEN, WANTED)
    assert found.text == FIX
    assert found.patch == {"spec": {"selector": {"app": "web"}}}


@pytest.mark.parametrize(
    "other",
    [
        {"fix": FIX.replace('"web"', '"evil"')},
        {"fix": "kubectl delete ns default"},
        {"code": "no-pods"},
        {"subject": {**SUBJECT, "name": "other"}},
        {"subject": None},
        {"fix": None},
    ],
)
def test_other_commands_are_not_fixes(other):
    assert find_fix(BROKEN, WANTED | other) is None


@pytest.mark.parametrize("options", [UiOptions(lab="x"), UiOptions(files=("x",), allows_changes=True)])
def test_a_read_only_page_changes_nothing(options):
    reply = asyncio.run(fixing(World(options))(PageRequest({}, WANTED)))
    assert reply.status == 403
