"""Access control: the right Host, no foreign Origin, and a session that began with the token."""

import pytest

from fairlead.drivers.ui.gate import PageGate

PORT = 7474
GATE = PageGate(b"k" * 32, PORT)
HOST = {"host": f"127.0.0.1:{PORT}"}


@pytest.mark.parametrize("host", [f"127.0.0.1:{PORT}", f"localhost:{PORT}"])
def test_our_own_names_are_let_in(host):
    assert GATE.stranger({"host": host}) is None
    assert GATE.stranger({"host": host, "origin": f"http://{host}"}) is None


@pytest.mark.parametrize(
    "host", ["", "evil.example", f"evil.example:{PORT}", "127.0.0.1", "127.0.0.1:80", f"127.0.0.1:{PORT}.evil.example"]
)
def test_another_host_is_refused(host):
    """DNS rebinding: the name is the attacker's, the address is ours."""
    assert GATE.stranger({"host": host}).status == 421


@pytest.mark.parametrize(
    "origin",
    ["null", "", "http://evil.example", "https://127.0.0.1:7474", "http://127.0.0.1:7475", "http://localhost:7474"],
)
def test_another_origin_is_refused(origin):
    assert GATE.stranger({**HOST, "origin": origin}).status == 403


@pytest.mark.parametrize(
    ("method", "headers", "is_let_in"),
    [
        ("GET", {}, True),
        ("GET", {"sec-fetch-site": "same-origin"}, True),
        ("GET", {"sec-fetch-site": "none"}, True),
        ("GET", {"sec-fetch-site": "cross-site"}, False),
        ("GET", {"sec-fetch-site": "same-site"}, False),  # another port of this host
        ("POST", {}, False),
        ("POST", {"origin": f"http://127.0.0.1:{PORT}"}, True),
    ],
)
def test_requests_from_elsewhere_are_refused(method, headers, is_let_in):
    assert (GATE.uninvited(method, headers) is None) is is_let_in


@pytest.mark.parametrize("token", [None, "", "x", 1, ["a"], {"a": 1}, "é" * 43, GATE.token[:-1], GATE.token + "A"])
def test_a_wrong_token_opens_nothing(token):
    assert GATE.opens(token) is None


def test_a_session_begins_with_the_token():
    cookie = GATE.opens(GATE.token)
    assert all(part in cookie for part in ("HttpOnly", "SameSite=Strict", "Path=/"))
    assert GATE.token not in cookie
    assert GATE.has_session({"cookie": cookie.partition(";")[0]})


@pytest.mark.parametrize("cookie", ["", "fairlead-7474=", "fairlead-7474=x", "a=b; c", 'fairlead-7474="', "\x00=\x01"])
def test_no_session_without_its_cookie(cookie):
    assert not GATE.has_session({"cookie": cookie})


def test_sessions_outlive_a_restart_only_with_the_same_key():
    cookie = GATE.opens(GATE.token).partition(";")[0]
    assert PageGate(b"k" * 32, PORT).has_session({"cookie": cookie})
    assert not PageGate(b"l" * 32, PORT).has_session({"cookie": cookie})
