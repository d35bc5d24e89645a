"""Permissions to approve and sign certificate requests."""

import pytest

from fairlead.registry.requests import User
from tests.support.api_world import ApiWorld

URL = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
ROLES = "/apis/rbac.authorization.k8s.io/v1"
JANE = User("jane", ("system:authenticated",))
REQUEST = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0K"


def world_in_which_jane(verb, signer):
    """A request of one signer; Jane may write all sides of requests, and holds a verb on a signer."""
    world = ApiWorld()
    spec = {"request": REQUEST, "signerName": "example.com/own", "usages": ["client auth"]}
    world.do("POST", URL, {"metadata": {"name": "x"}, "spec": spec})
    group = ["certificates.k8s.io"]
    sides = [f"certificatesigningrequests{side}" for side in ("", "/approval", "/status")]
    rules = [
        {"apiGroups": group, "resources": sides, "verbs": ["*"]},
        {"apiGroups": group, "resources": ["signers"], "resourceNames": [signer], "verbs": [verb]},
    ]
    world.do("POST", f"{ROLES}/clusterroles", {"metadata": {"name": "r"}, "rules": rules})
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "r"}
    subjects = [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "jane"}]
    binding = {"metadata": {"name": "b"}, "roleRef": reference, "subjects": subjects}
    world.do("POST", f"{ROLES}/clusterrolebindings", binding)
    return world


def write(world, side, status):
    document = world.do("GET", f"{URL}/x")
    return {**document, "status": status}, f"{URL}/x/{side}"


APPROVED = {"conditions": [{"type": "Approved", "status": "True", "reason": "r", "message": "m"}]}
ISSUED = {"certificate": "AAAA"}
FAILED = {"conditions": [{"type": "Failed", "status": "True", "reason": "r", "message": "m"}]}
CASES = [
    ("approve", "example.com/own", "approval", APPROVED, True),
    ("approve", "example.com/*", "approval", APPROVED, True),
    ("approve", "example.com/other", "approval", APPROVED, False),
    ("approve", "example.org/*", "approval", APPROVED, False),
    ("sign", "example.com/own", "approval", APPROVED, False),
    ("sign", "example.com/own", "status", ISSUED, True),
    ("sign", "example.com/*", "status", FAILED, True),
    ("approve", "example.com/own", "status", ISSUED, False),
    ("approve", "example.com/own", "status", FAILED, False),
    ("approve", "example.com/own", "status", {}, True),
]


@pytest.mark.parametrize(("verb", "signer", "side", "status", "may"), CASES)
def test_a_decision_takes_the_verb_on_the_signer(verb, signer, side, status, may):
    world = world_in_which_jane(verb, signer)
    document, url = write(world, side, status)
    if may:
        world.do("PUT", url, document, user=JANE)
    else:
        what = {"approval": "approve", "status": "sign"}[side]
        refusal = world.refused("PUT", url, document, user=JANE)
        assert refusal["code"] == 403
        assert f'user not permitted to {what} requests with signerName "example.com/own"' in refusal["message"]
