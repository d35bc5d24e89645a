"""Clients that hold connections, send slowly, flood, or never read: others are served meanwhile."""

import json
import os
import threading
import time
from contextlib import ExitStack

import pytest

from tests.support.api_servers import ApiServer, wait_until
from tests.support.hostile_clients import answer_of, bare, head, let_have_descriptors, shaken, until_closed

USERS = {"jane": "jane-token", "joe": "joe-token", "root": "root-token"}
MAPS = "/api/v1/namespaces/default/configmaps"
FLOOD = 15  # answers of four megabytes: if none of them is read for a while, they are still fewer than may wait


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    data = tmp_path_factory.mktemp("hostile")
    lines = [f'{token},{name},{name},"{"system:masters" if name == "root" else ""}"' for name, token in USERS.items()]
    (data / "tokens.csv").write_text("\n".join(lines) + "\n")
    # A table of 416 connections: strangers have 52 of them, a user 104, an administrator 208.
    made = ApiServer(data, descriptors=800).start()
    allow = {"metadata": {"name": "all"}, "rules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]}
    ask(made, "root", "POST", "/apis/rbac.authorization.k8s.io/v1/clusterroles", allow)
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "all"}
    subjects = [{"kind": "User", "apiGroup": role["apiGroup"], "name": name} for name in ("jane", "joe")]
    binding = {"metadata": {"name": "all"}, "roleRef": role, "subjects": subjects}
    ask(made, "root", "POST", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", binding)
    yield made
    made.stop()


def ask(server, user, method, path, body=None, content_type="application/json"):
    """(status, text) of one request on a connection of its own."""
    content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    fields = {"Content_Length": len(content), "Content_Type": content_type, "Connection": "close"}
    with shaken(server) as connection:
        connection.sendall(head(method, path, USERS[user], **fields) + content)
        received = until_closed(connection)
    return int(received.split(b" ", 2)[1]), received.decode()


def is_served(server, user="joe"):
    return ask(server, user, "GET", MAPS)[0] == 200


def test_anonymous_connections_do_not_block_users(server):
    with ExitStack() as held:
        for _ in range(300):
            held.enter_context(bare(server))  # no handshake at all
        for _ in range(80):
            held.enter_context(shaken(server))  # no request
        assert is_served(server)
        half = [held.enter_context(shaken(server)) for _ in range(60)]
        for connection in half:
            connection.sendall(b"GET /version HTTP/1.1\r\nHost: x\r\nX-A: ")
        assert is_served(server)


def test_a_very_slow_request_head_is_cut(server):
    with shaken(server) as connection:
        connection.settimeout(1.0)
        connection.sendall(b"GET /version HTTP/1.1\r\n")
        for _ in range(120):  # far longer than a head may take
            try:
                connection.sendall(b"X-A: b\r\n")
                assert connection.recv(1) == b""
                break
            except TimeoutError:
                continue
            except OSError:
                break
        else:
            raise AssertionError("the connection was not cut")


def test_a_body_that_stalls_is_refused(server):
    with shaken(server) as connection:
        connection.sendall(head("POST", MAPS, USERS["jane"], Content_Type="application/json", Content_Length=1000))
        connection.sendall(b'{"met')
        received = until_closed(connection).decode()
    assert received.startswith("HTTP/1.1 408 ")
    assert '"reason":"Timeout"' in received


def test_a_body_that_nobody_waits_for_is_not_waited_for(server):
    with shaken(server) as connection:
        connection.sendall(head("POST", MAPS, "wrong", Content_Type="application/json", Content_Length=100_000))
        connection.sendall(b"{")
        assert until_closed(connection).startswith(b"HTTP/1.1 401 ")


def test_a_user_has_a_share_of_connections_and_is_told_to_come_back(server):
    with ExitStack() as held:
        statuses = []
        for _ in range(120):
            connection = held.enter_context(shaken(server))
            connection.sendall(head("GET", MAPS, USERS["jane"]))
            status, text = answer_of(connection)
            statuses.append(status)
        text += until_closed(connection).decode()
        assert statuses == [200] * 104 + [429] * 16
        assert "retry-after: 1\r\n" in text.lower()
        assert "user 'jane' has too many connections, please try again later" in text
        assert is_served(server)
        assert is_served(server, "root")
    wait_until(lambda: is_served(server, "jane"), 30)


def test_pipelined_requests_are_bounded(server):
    with shaken(server) as connection:
        connection.sendall(head("GET", MAPS, USERS["jane"]) * 200)
        assert b"Invalid HTTP request received." in until_closed(connection)


def test_a_flood_of_one_user_does_not_keep_others_waiting(server):
    for number in range(40):
        ask(server, "root", "POST", MAPS, {"metadata": {"name": f"big-{number}"}, "data": {"x": "y" * 100_000}})
    done, threads = [], []

    def flood(number):
        with shaken(server) as connection:
            for _ in range(7):
                connection.sendall(head("GET", MAPS, USERS["jane"]))
                size = 0
                while size < 4_000_000:
                    received = connection.recv(1 << 20)
                    assert received, "refused"
                    size += len(received)
            done.append(number)

    for number in range(FLOOD):
        threads.append(threading.Thread(target=flood, args=[number]))
        threads[-1].start()
    assert ask(server, "joe", "GET", f"{MAPS}/big-1")[0] == 200
    assert len(done) < FLOOD, "joe was served after all of the flood"
    for thread in threads:
        thread.join()


def test_yaml_of_the_greatest_size_keeps_nobody_waiting(server):
    data = b"".join(b"  k%d: v\n" % number for number in range(20_000))
    fields = {"Content_Type": "application/yaml", "Connection": "close"}
    with ExitStack() as held:
        posts = [held.enter_context(shaken(server)) for _ in range(6)]
        for number, connection in enumerate(posts):
            made = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: yaml-%d, labels: {is: yaml}}\ndata:\n" % number
            body = made + data
            connection.sendall(head("POST", MAPS, USERS["jane"], Content_Length=len(body), **fields) + body[:-1])
        other = held.enter_context(shaken(server))
        for connection in posts:  # all bodies end, and joe asks, in a moment: this process may stand still at any time
            connection.sendall(b"\n")
        other.sendall(head("GET", f"{MAPS}?labelSelector=is%3Dyaml", USERS["joe"], Connection="close"))
        listed = until_closed(other).decode()
        assert listed.startswith("HTTP/1.1 200 ")
        assert listed.count('"name":"yaml-') < 6, "joe was served after all of the YAML"
        assert all(until_closed(connection).startswith(b"HTTP/1.1 201 ") for connection in posts)
    assert ask(server, "jane", "DELETE", f"{MAPS}?labelSelector=is%3Dyaml")[0] == 200


def test_a_client_that_never_reads_is_held_to_its_own_account(server):
    """Answers of four megabytes that nobody reads: more than the kernel takes, and than may wait for one user."""
    with ExitStack() as held:
        for _ in range(20):
            connection = held.enter_context(shaken(server, receives=4096))
            connection.sendall(head("GET", MAPS, USERS["jane"]) * 4)
        _, text = wait_until(lambda: refused(server, "jane"), 30)
        assert "user 'jane' has not read earlier answers, please try again later" in text
        assert is_served(server)
    wait_until(lambda: is_served(server, "jane"), 60)


def refused(server, user):
    status, text = ask(server, user, "GET", f"{MAPS}/big-1")
    return (status, text) if status == 429 else None


def test_metrics_have_no_label_that_a_client_invents(server):
    for number in range(5):
        for path in (f"/api/v1/invented-{number}", f"/apis/a{number}/v1/namespaces/x/pods", f"/invented-{number}"):
            ask(server, "joe", "GET", path)
        ask(server, "joe", f"INVENTED{number}", MAPS)
    _, text = ask(server, "root", "GET", "/metrics")
    labels = [line for line in text.splitlines() if line.startswith("apiserver_request_total")]
    assert labels
    assert not [line for line in labels if "nvented" in line.lower() or "INVENTED" in line]


def test_without_descriptors_the_log_has_a_line_a_second_and_the_server_comes_back(tmp_path):
    own = ApiServer(tmp_path / "data").start()
    with ExitStack() as held:
        used = len(os.listdir(f"/proc/{own.process.pid}/fd"))
        let_have_descriptors(own, used + 5)
        for _ in range(60):
            held.enter_context(bare(own))
        wait_until(lambda: len(os.listdir(f"/proc/{own.process.pid}/fd")) >= used + 4, 30)
        before, began = own.cpu_seconds(), time.monotonic()
        threading.Event().wait(3.0)
        used, passed = own.cpu_seconds() - before, time.monotonic() - began
        assert used < 0.5 * passed, "it spins"
    let_have_descriptors(own, 1000)
    wait_until(lambda: own_is_served(own), 60)
    own.process.terminate()
    with own.process.stdout as log:
        lines = [line for line in log if "no connection can be accepted" in line]
    own.process.wait(30)
    assert 1 <= len(lines) <= 60


def own_is_served(own):
    try:
        with shaken(own) as connection:
            connection.sendall(head("GET", "/readyz", Connection="close"))
            return until_closed(connection).startswith(b"HTTP/1.1 200")
    except OSError:
        return False
