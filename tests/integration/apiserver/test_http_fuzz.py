"""Random input over HTTP: the answer is never an internal error, comes soon, and costs little memory.

FAIRLEAD_FUZZ says how many requests; a long run has 20000. The registry alone is fuzzed harder in the unit tests; here
it is the way to it: paths, query strings, headers, encodings of bodies, and octets that are no HTTP at all.
"""

import http.client
import json
import os
import socket
import ssl
from contextlib import closing

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.api_servers import running_api_server

EXAMPLES = int(os.environ.get("FAIRLEAD_FUZZ", "150"))
GROWTH = 64 << 20
MOST_SECONDS = 5.0  # of CPU time, for a request; others may stand in its way for longer
REASONS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    406: "NotAcceptable",
    410: "Expired",
    413: "RequestEntityTooLarge",
    415: "UnsupportedMediaType",
    422: "Invalid",
    504: "Timeout",
}
CONFLICTS = {"Conflict", "AlreadyExists"}

few = settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
TOKENS = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=20)
NAMES = st.sampled_from(["", "a", "%00", "%ff", "..", "%2e%2e", "a%2Fb", "A" * 300, "%C3%A9"]) | TOKENS
KINDS = ["namespaces/default/services", "namespaces/default/configmaps", "namespaces/x/pods", "nodes", "namespaces"]
PATHS = st.builds(
    "/".join,
    st.tuples(
        st.sampled_from(["/api/v1", "/apis/apps/v1", "/apis", "/openapi/v3", ""]), st.sampled_from([*KINDS, ""]), NAMES
    ),
)
OPTIONS = st.sampled_from(
    [
        "limit",
        "continue",
        "resourceVersion",
        "resourceVersionMatch",
        "labelSelector",
        "fieldSelector",
        "dryRun",
        "fieldManager",
        "fieldValidation",
        "gracePeriodSeconds",
        "propagationPolicy",
        "includeObject",
        "force",
    ]
)
QUERIES = st.lists(st.tuples(OPTIONS, NAMES), max_size=4).map(
    lambda pairs: "&".join(f"{name}={value}" for name, value in pairs)
)
HEADERS = st.dictionaries(
    st.sampled_from(["Accept", "Content-Type", "User-Agent", "If-Match", "X-Any", "Impersonate-User"]),
    st.sampled_from(["application/json", "application/yaml", "application/vnd.kubernetes.protobuf", "*/*", ";;=,"])
    | st.sampled_from([f"application/{kind}-patch+json" for kind in ("json", "merge", "strategic-merge")])
    | st.just("application/json;as=Table;v=v1;g=meta.k8s.io")
    | TOKENS,
)
# By name, so that a failing example is short to read.
HARD = {
    "deep list": b"[" * 100_000,
    "deep object": b'{"a":' * 50_000,
    "cut protobuf": b"k8s\0\n\x06\n\x02v1",
    "alias": b"&a [*a]",
    "long number": b"9" * 5000,
}
DOCUMENTS = st.dictionaries(st.sampled_from(["metadata", "spec", "kind", "data"]), st.none() | st.integers() | TOKENS)
BODIES = st.sampled_from(sorted(HARD)) | st.binary(max_size=60) | DOCUMENTS.map(lambda d: json.dumps(d).encode())


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running_api_server(tmp_path_factory.mktemp("api")) as server:
        before = server.resident_bytes()
        yield server
        assert server.resident_bytes() - before < GROWTH


def connect(server):
    connection = ssl.create_default_context(cafile=server.data / "pki" / "ca.crt").wrap_socket(
        socket.create_connection(("127.0.0.1", server.port), timeout=60), server_hostname="127.0.0.1"
    )
    connection.settimeout(5)
    return connection


def ask(server, method, url, headers, body):
    """(code, body) of one request with an administrator's token."""
    context = ssl.create_default_context(cafile=server.data / "pki" / "ca.crt")
    with closing(http.client.HTTPSConnection("127.0.0.1", server.port, context=context, timeout=60)) as connection:
        connection.putrequest(method, url, skip_accept_encoding=True)
        for name, value in {"Authorization": f"Bearer {server.token}", **headers}.items():
            connection.putheader(name, value)
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        response = connection.getresponse()
        return response.status, response.read()


@few
@given(
    st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE"]),
    PATHS,
    QUERIES,
    HEADERS,
    BODIES,
)
def test_every_refusal_is_a_status_with_its_reason(server, method, path, query, headers, body):
    before = server.cpu_seconds()
    code, answer = ask(server, method, f"{path.replace('?', '')}?{query}", headers, HARD.get(body, body))
    assert server.cpu_seconds() - before < MOST_SECONDS
    assert code < 500 or code == 504, answer
    if code >= 400 and method != "HEAD" and answer[:1] == b"{":
        status = json.loads(answer)
        assert (status["kind"], status["status"], status["code"]) == ("Status", "Failure", code)
        assert status["reason"] in ({REASONS[code]} if code in REASONS else CONFLICTS)


@settings(few, max_examples=max(20, EXAMPLES // 5))
@given(st.binary(min_size=1, max_size=200) | st.none())
def test_octets_that_are_no_http(server, octets):
    endless = b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 30_000
    with connect(server) as stream:
        try:
            stream.sendall((octets or endless) + b"\r\n\r\n")
            stream.recv(4096)
        except (ConnectionError, TimeoutError, ssl.SSLError):
            pass
    assert ask(server, "GET", "/readyz", {}, b"") == (200, b"ok")
