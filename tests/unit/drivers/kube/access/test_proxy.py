"""The proxy for connections to an API server."""

import pytest

from fairlead.drivers.kube.access.kubeconfig import BadConfig
from fairlead.drivers.kube.access.proxy import Proxy, is_excepted, proxy_of

SERVER = "https://api.example.com:6443"
P = "http://proxy:3128"


@pytest.mark.parametrize(
    ("server", "proxy_url", "environment", "expected"),
    [
        (SERVER, "", {}, None),
        (SERVER, P, {}, Proxy("http", "proxy", 3128)),
        (SERVER, P, {"HTTPS_PROXY": "http://other:1", "NO_PROXY": "*"}, Proxy("http", "proxy", 3128)),
        (SERVER, "http://proxy", {}, Proxy("http", "proxy", 80)),
        (SERVER, "socks5://proxy", {}, Proxy("socks5", "proxy", 1080)),
        (SERVER, "socks5h://proxy:9", {}, Proxy("socks5", "proxy", 9)),
        (SERVER, "http://me:s%40cret@[::1]:3128", {}, Proxy("http", "::1", 3128, "me", "s@cret")),
        (SERVER, "", {"HTTPS_PROXY": P}, Proxy("http", "proxy", 3128)),
        (SERVER, "", {"https_proxy": "proxy:3128"}, Proxy("http", "proxy", 3128)),
        (SERVER, "", {"HTTP_PROXY": P}, None),
        ("http://api.example.com", "", {"HTTP_PROXY": P}, Proxy("http", "proxy", 3128)),
        (SERVER, "", {"HTTPS_PROXY": P, "NO_PROXY": "example.com"}, None),
        ("https://127.0.0.1:6443", "", {"HTTPS_PROXY": P}, None),
        ("https://[::1]:6443", "", {"HTTPS_PROXY": P}, None),
        ("https://localhost:6443", "", {"HTTPS_PROXY": P}, None),
    ],
)
def test_the_proxy_of_a_server(server, proxy_url, environment, expected):
    assert proxy_of(server, proxy_url, environment) == expected


@pytest.mark.parametrize("url", ["https://proxy", "ftp://proxy", "http://", "proxy"])
def test_a_proxy_of_another_kind_is_refused(url):
    with pytest.raises(BadConfig, match="proxies are"):
        proxy_of(SERVER, url, {})


@pytest.mark.parametrize(
    ("host", "no_proxy", "expected"),
    [
        ("api.example.com", "", False),
        ("api.example.com", "*", True),
        ("api.example.com", "example.com", True),
        ("example.com", "example.com", True),
        ("badexample.com", "example.com", False),
        ("example.com", ".example.com", False),
        ("api.example.com", ".example.com", True),
        ("api.example.com", "*.example.com", True),
        ("API.example.com.", "api.EXAMPLE.com", True),
        ("api.example.com", "example.com:6443", True),
        ("api.example.com", "example.com:443", False),
        ("api.example.com", "other, example.com ,", True),
        ("10.0.0.1", "10.0.0.0/8", True),
        ("11.0.0.1", "10.0.0.0/8", False),
        ("10.0.0.1", "10.0.0.1", True),
        ("10.0.0.1", "10.0.0.1:6443", True),
        ("10.0.0.1", "10.0.0.1:443", False),
        ("fd00::1", "fd00::/8", True),
        ("fd00::1", "[fd00::1]:6443", True),
        ("fd00::1", "fd00::1", True),
        ("api.example.com", "10.0.0.0/99", False),
    ],
)
def test_what_is_asked_directly(host, no_proxy, expected):
    assert is_excepted(host, 6443, no_proxy) is expected
