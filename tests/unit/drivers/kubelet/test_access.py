"""Access to a node's HTTP API."""

import asyncio

import pytest

from fairlead.drivers.kube.errors import Unreachable
from fairlead.drivers.kubelet.access import ReviewedAccess
from fairlead.drivers.pods.runtime import Refused
from fairlead.registry.requests import User
from fairlead.streaming.upgrade import parse_request

BOB = {"subject": ((("organizationName", "dev"),), (("commonName", "bob"),))}


class Rights:
    """Reviews by a table: tokens of users, and who may do what with which subresource."""

    def __init__(self, tokens=(), rights=(), broken=()):
        self.tokens, self.rights, self.broken, self.asked = dict(tokens), set(rights), broken, []

    async def user_of(self, token):
        if "token" in self.broken:
            raise Unreachable("away")
        return self.tokens.get(token)

    async def allows(self, user, attributes):
        if "access" in self.broken:
            raise Unreachable("away")
        self.asked.append(attributes)
        return (user.name, attributes["verb"], attributes["subresource"]) in self.rights


def check(reviews, line, certificate=None, token=None):
    """What a request is refused with; empty when it is let in."""
    headers = f"Authorization: Bearer {token}\r\n" if token else ""
    request = parse_request(f"{line} HTTP/1.1\r\n{headers}\r\n".encode())
    try:
        asyncio.run(ReviewedAccess("node-1", reviews).check(request, certificate))
    except Refused as refusal:
        return f"{refusal.code} {refusal}"
    return ""


def test_a_client_certificate_identifies_its_user():
    reviews = Rights(rights=[("bob", "get", "stats")])
    assert check(reviews, "GET /stats/summary", BOB) == ""
    assert reviews.asked == [
        {"verb": "get", "version": "v1", "resource": "nodes", "subresource": "stats", "name": "node-1"}
    ]


def test_a_token_identifies_a_client_without_a_certificate():
    reviews = Rights({"t": User("ann"), "u": User("eve")}, [("ann", "create", "proxy")])
    assert check(reviews, "POST /exec/n/p/c?command=id", token="t") == ""
    assert check(reviews, "POST /exec/n/p/c?command=id", BOB, token="t").startswith("403 ")
    assert check(reviews, "POST /exec/n/p/c?command=id", token="u").startswith("403 ")


@pytest.mark.parametrize("token", [None, "unknown"])
def test_unauthenticated_clients_are_refused(token):
    assert check(Rights(), "GET /pods", token=token) == "401 Unauthorized"


@pytest.mark.parametrize("right", ["pods", "proxy"])
def test_the_narrow_right_is_enough_and_so_is_the_wide_one(right):
    assert check(Rights(rights=[("bob", "get", right)]), "GET /pods", BOB) == ""


def test_a_refusal_names_what_would_have_been_enough():
    assert check(Rights(), "GET /pods", BOB) == (
        "403 Forbidden (user=bob, verb=get, resource=nodes, subresource(s)=[pods proxy])"
    )


def test_an_undecided_api_server_lets_no_client_in():
    assert check(Rights(broken=["token"]), "GET /pods", token="t") == "401 Unauthorized"
    assert check(Rights(broken=["access"]), "GET /stats/summary", BOB) == (
        "500 Authorization error (user=bob, verb=get, resource=nodes, subresource=stats)"
    )
