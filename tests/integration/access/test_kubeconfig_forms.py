"""Each form that a kubeconfig may have, with real files, a real plugin and real TLS: the server that it names, and the
user."""

import asyncio
import base64
import json
import stat
import sys

import pytest
import yaml

from fairlead.drivers.identity.pki import issue_certificate
from fairlead.drivers.kube.access import finding
from fairlead.drivers.kube.client import KubeClient, KubeError, Unreachable
from tests.support.tls_server import TellTale

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def environment(monkeypatch, tmp_path):
    """Nothing of this machine's own configuration."""
    for name in ("KUBECONFIG", "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy", "KUBERNETES_SERVICE_HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return monkeypatch


@pytest.fixture
async def server(tmp_path):
    async with TellTale(tmp_path / "pki").serving() as serving:
        yield serving


def b64(content):
    return base64.b64encode(content).decode()


def certificate(server, name):
    return issue_certificate(server.pki, name, ("group",), ())


def entry(served, user=None, **cluster):
    """A kubeconfig as a dictionary."""
    about = {"server": served.url, "certificate-authority-data": b64((served.pki / "ca.crt").read_bytes()), **cluster}
    return {
        "clusters": [{"name": "c", "cluster": {name: value for name, value in about.items() if value is not None}}],
        "users": [{"name": "u", "user": user or {}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }


def write(path, document):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(document))
    return path


async def seen_by(client):
    return json.loads(await client.get("/version"))


async def seen(path=None, context=None, part=""):
    """What the server saw of one request."""
    async with KubeClient.from_kubeconfig(path, context, part) as client:
        return await seen_by(client)


def header(found, name):
    return [value for each, value in found["headers"] if each == name.lower()]


def plugin(folder, status, version="v1", name="plugin"):
    """A program that prints credentials, and notes each run and what it was told."""
    path = folder / name
    answer = {"kind": "ExecCredential", "apiVersion": f"client.authentication.k8s.io/{version}", "status": status}
    (folder / "answer.json").write_text(json.dumps(answer))
    path.write_text(
        f"#!{sys.executable}\n"
        "import os, pathlib, sys\n"
        "folder = pathlib.Path(__file__).parent\n"
        "with open(folder / 'runs', 'a') as runs:\n"
        "    print(os.environ['KUBERNETES_EXEC_INFO'], os.environ.get('EXTRA'), sys.argv[1:], sep='\\t', file=runs)\n"
        "print((folder / 'answer.json').read_text())\n"
    )
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def runs(folder):
    return (folder / "runs").read_text().splitlines()


def executed(command, version="v1", **more):
    about = {"apiVersion": f"client.authentication.k8s.io/{version}", "command": str(command), **more}
    return {"exec": {"interactiveMode": "Never", **about} if version == "v1" else about}


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ({"token": "t"}, "Bearer t"),
        ({"username": "me", "password": "secret"}, f"Basic {b64(b'me:secret')}"),
        ({}, None),
        ({"token": None, "tokenFile": None}, None),
    ],
)
async def test_a_kubeconfigs_content(server, tmp_path, user, expected):
    found = await seen(write(tmp_path / "config", entry(server, user)))
    assert header(found, "Authorization") == ([expected] if expected else [])


async def test_a_token_file_counts_before_a_token_and_is_read_again_when_refused(server, tmp_path):
    (tmp_path / "token").write_text("first\n")
    path = write(tmp_path / "config", entry(server, {"token": "fallback", "tokenFile": "token"}))
    async with KubeClient.from_kubeconfig(path) as client:
        assert header(await seen_by(client), "Authorization") == ["Bearer first"]
        (tmp_path / "token").write_text("second\n")
        server.refused.add("Bearer first")
        assert header(await seen_by(client), "Authorization") == ["Bearer second"]
        server.refused.add("Bearer second")
        with pytest.raises(KubeError) as refused:
            await seen_by(client)
        assert refused.value.code == 401
    (tmp_path / "token").unlink()
    assert header(await seen(path), "Authorization") == ["Bearer fallback"]


@pytest.mark.parametrize("as_data", [True, False])
async def test_a_client_certificate(server, tmp_path, as_data):
    chain, key = certificate(server, "alice")
    (tmp_path / "pem").mkdir()
    (tmp_path / "pem/alice.crt").write_bytes(chain)
    (tmp_path / "pem/alice.key").write_bytes(key)
    files = {"client-certificate": "pem/alice.crt", "client-key": "pem/alice.key"}
    data = {"client-certificate-data": b64(chain), "client-key-data": b64(key)}
    assert (await seen(write(tmp_path / "config", entry(server, data if as_data else files))))["user"] == "alice"


async def test_a_renewed_client_certificate_is_used_and_old_connections_are_not(server, tmp_path):
    files = {"client-certificate": "crt", "client-key": "key"}
    path = write(tmp_path / "config", entry(server, files))

    def renew(name):
        for file, content in zip(("crt", "key"), certificate(server, name), strict=True):
            (tmp_path / file).write_bytes(content)

    renew("first")
    async with KubeClient.from_kubeconfig(path) as client:
        assert [(await seen_by(client))["user"] for _ in range(2)] == ["first", "first"]
        assert server.connections == 1
        renew("second")
        assert (await seen_by(client))["user"] == "second"


async def test_another_authority_is_trusted_once_its_file_says_so(server, tmp_path):
    other = TellTale(tmp_path / "other")
    (tmp_path / "ca.crt").write_bytes((other.pki / "ca.crt").read_bytes())
    document = entry(server, **{"certificate-authority-data": None, "certificate-authority": "ca.crt"})
    async with KubeClient.from_kubeconfig(write(tmp_path / "config", document)) as client:
        with pytest.raises(Unreachable, match="certificate verify failed"):
            await seen_by(client)
        (tmp_path / "ca.crt").write_bytes((server.pki / "ca.crt").read_bytes())
        assert (await seen_by(client))["path"] == "/version"


async def test_the_servers_name_in_its_certificate(tmp_path):
    async with TellTale(tmp_path / "pki", ("kubernetes.example",)).serving() as server:
        with pytest.raises(Unreachable, match="certificate verify failed"):
            await seen(write(tmp_path / "plain", entry(server)))
        named = entry(server, **{"tls-server-name": "kubernetes.example"})
        assert (await seen(write(tmp_path / "named", named)))["sni"] == "kubernetes.example"
        insecure = entry(server, **{"insecure-skip-tls-verify": True, "certificate-authority-data": None})
        assert (await seen(write(tmp_path / "insecure", insecure)))["path"] == "/version"


async def test_a_server_below_a_path(server, tmp_path):
    found = await seen(write(tmp_path / "config", entry(server, server=f"{server.url}/k8s/clusters/c-1")))
    assert found["path"] == "/k8s/clusters/c-1/version"


async def test_impersonation(server, tmp_path):
    user = {
        "token": "t",
        "as": "bob",
        "as-uid": "42",
        "as-groups": ["dev", "ops"],
        "as-user-extra": {"Reason": ["a", "b"]},
    }
    found = await seen(write(tmp_path / "config", entry(server, user)))
    assert header(found, "Impersonate-User") == ["bob"]
    assert header(found, "Impersonate-Uid") == ["42"]
    assert header(found, "Impersonate-Group") == ["dev", "ops"]
    assert header(found, "Impersonate-Extra-reason") == ["a", "b"]
    assert header(found, "Authorization") == ["Bearer t"]


async def test_the_part_that_asks(server, tmp_path):
    found = await seen(write(tmp_path / "config", entry(server)), part="dns")
    assert header(found, "User-Agent")[0].startswith("fairlead-dns/")


# --- which files ------------------------------------------------------------------------------------------------------


async def test_kubectls_places(server, tmp_path, environment):
    write(tmp_path / "home/.kube/config", entry(server, {"token": "of home"}))
    assert header(await seen(), "Authorization") == ["Bearer of home"]
    first, second = entry(server, {"token": "of first"}), entry(server, {"token": "of second"})
    first["contexts"], first["current-context"] = [], ""
    second["contexts"].append({"name": "y", "context": {"cluster": "c", "user": "v"}})
    second["users"].append({"name": "v", "user": {"token": "of v"}})
    files = [write(tmp_path / "a" / "first", first), tmp_path / "missing", write(tmp_path / "b" / "second", second)]
    environment.setenv("KUBECONFIG", ":".join(map(str, files)))
    assert header(await seen(), "Authorization") == ["Bearer of first"]  # whose entry "u" counts
    assert header(await seen(context="y"), "Authorization") == ["Bearer of v"]
    with pytest.raises(Unreachable, match=r'context "z" does not exist'):
        await seen(context="z")


async def test_in_a_pod_a_kubeconfig_counts_before_the_service_account(server, tmp_path, environment):
    folder = tmp_path / "serviceaccount"
    folder.mkdir()
    (folder / "token").write_text("of the Pod")
    (folder / "ca.crt").write_bytes((server.pki / "ca.crt").read_bytes())
    environment.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    environment.setenv("KUBERNETES_SERVICE_PORT", str(server.port))
    environment.setattr(finding.find_access, "__defaults__", (*finding.find_access.__defaults__[:3], folder))
    assert header(await seen(), "Authorization") == ["Bearer of the Pod"]
    path = write(tmp_path / "config", entry(server, {"token": "of the file"}))
    environment.setenv("KUBECONFIG", str(path))
    assert header(await seen(), "Authorization") == ["Bearer of the file"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "there is no kubeconfig"),
        ("{}", "no current context"),
        ("[]", "is no kubeconfig"),
        ("a: [", "cannot be read"),
        ("[" * 100_000, "nested deeper than"),
        ("contexts: " + "[" * 2000 + "]" * 2000, "cannot be read: maximum recursion depth"),
        ("current-context: x", 'context "x" does not exist'),
        ("current-context: 22:22", 'context "22:22" does not exist'),
        ("current-context: x\ncontexts: [{name: x, context: {cluster: c}}]", 'cluster "c" does not exist'),
        ("current-context: x\ncontexts: [{name: x, context: {cluster: [1]}}]", "cluster"),
        (
            "current-context: x\ncontexts: [{name: x, context: {cluster: c}}]\nclusters: [{name: c, cluster: {}}]",
            "has no server",
        ),
        (
            (
                "current-context: x\ncontexts: [{name: x, context: {cluster: c}}]\n"
                "clusters: [{name: c, cluster: {server: s, insecure-skip-tls-verify: true, certificate-authority: ca}}]"
            ),
            "with the insecure flag is not allowed",
        ),
    ],
)
async def test_a_file_that_is_of_no_use(tmp_path, text, message):
    path = tmp_path / "config"
    if text is not None:
        path.write_text(text)
    with pytest.raises(Unreachable, match=message):
        KubeClient.from_kubeconfig(path)


@pytest.mark.parametrize(
    ("user", "message"),
    [
        ({"auth-provider": {"name": "gcp"}}, 'no Auth Provider found for name "gcp"'),
        ({"as-groups": ["ops"]}, "without impersonating a user"),
        ({"client-certificate": "none", "client-key": "none"}, "cannot be read"),
        ({"client-certificate-data": "bm9uZQ==", "client-key-data": "bm9uZQ=="}, "of no use"),
        (executed("p", "v1alpha1"), "invalid apiVersion"),
        (executed("p", "v1", interactiveMode="Always"), "standard input is not a terminal"),
        (executed("p", "v1", interactiveMode="Perhaps"), "invalid interactiveMode"),
    ],
)
async def test_credentials_that_are_of_no_use(server, tmp_path, user, message):
    with pytest.raises(Unreachable, match=message):
        KubeClient.from_kubeconfig(write(tmp_path / "config", entry(server, user)))


# --- plugins ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
async def test_a_plugin_that_gives_a_token_is_run_once(server, tmp_path, version):
    """It is found beside the file that names it, and told what it is asked for."""
    command = plugin(tmp_path, {"token": "given"}, version)
    user = executed(f"./{command.name}", version, args=["--fast"], env=[{"name": "EXTRA", "value": "1"}])
    user["exec"]["provideClusterInfo"] = True
    extensions = [{"name": "client.authentication.k8s.io/exec", "extension": {"audience": "here"}}]
    authority = {"certificate-authority": str(server.pki / "ca.crt"), "certificate-authority-data": None}
    async with KubeClient.from_kubeconfig(
        write(tmp_path / "config", entry(server, user, extensions=extensions, **authority))
    ) as client:
        found = await asyncio.gather(*(seen_by(client) for _ in range(3)))
    assert [header(each, "Authorization") for each in found] == [["Bearer given"]] * 3
    (run,) = runs(tmp_path)
    info, extra, arguments = run.split("\t")
    about = json.loads(info)
    assert about["apiVersion"] == f"client.authentication.k8s.io/{version}"
    assert about["spec"]["cluster"]["server"] == server.url
    assert about["spec"]["cluster"]["certificate-authority-data"] == b64((server.pki / "ca.crt").read_bytes())
    assert about["spec"]["cluster"]["config"] == {"audience": "here"}
    assert about["spec"]["interactive"] is False
    assert (extra, arguments) == ("1", "['--fast']")


async def test_a_plugin_is_run_again_when_its_token_has_expired_or_is_refused(server, tmp_path):
    command = plugin(tmp_path, {"token": "old", "expirationTimestamp": "2001-01-01T00:00:00Z"})
    async with KubeClient.from_kubeconfig(write(tmp_path / "config", entry(server, executed(command)))) as client:
        await seen_by(client)
        await seen_by(client)
        assert len(runs(tmp_path)) == 2
        plugin(tmp_path, {"token": "new", "expirationTimestamp": "2999-01-01T00:00:00Z"})
        await seen_by(client)
        await seen_by(client)
        assert len(runs(tmp_path)) == 3
        plugin(tmp_path, {"token": "newer"})
        server.refused.add("Bearer new")
        assert header(await seen_by(client), "Authorization") == ["Bearer newer"]


async def test_a_plugin_that_gives_a_certificate(server, tmp_path):
    def give(name, **more):
        chain, key = certificate(server, name)
        return plugin(tmp_path, {"clientCertificateData": chain.decode(), "clientKeyData": key.decode(), **more})

    command = give("carol", expirationTimestamp="2001-01-01T00:00:00Z")
    async with KubeClient.from_kubeconfig(write(tmp_path / "config", entry(server, executed(command)))) as client:
        assert (await seen_by(client))["user"] == "carol"
        give("dave", expirationTimestamp="2999-01-01T00:00:00Z")
        assert (await seen_by(client))["user"] == "dave"


async def test_a_token_in_the_file_makes_a_plugin_needless(server, tmp_path):
    user = {"token": "mine", **executed(tmp_path / "missing")}
    assert header(await seen(write(tmp_path / "config", entry(server, user))), "Authorization") == ["Bearer mine"]


def said(version="v1", **more):
    return json.dumps({"kind": "ExecCredential", "apiVersion": f"client.authentication.k8s.io/{version}", **more})


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ("nonsense", "printed no ExecCredential"),
        (said("v1beta1", status={"token": "t"}), "plugin returned version client.authentication.k8s.io/v1beta1"),
        (said(), "didn't return a token"),
        (said(status={"clientKeyData": "k"}), "only one of certificate and key"),
        (said(status={"token": "t", "expirationTimestamp": "soon"}), "printed no ExecCredential"),
    ],
)
async def test_a_plugin_with_unusable_output(server, tmp_path, answer, message):
    command = plugin(tmp_path, {})
    (tmp_path / "answer.json").write_text(answer)
    with pytest.raises(Unreachable, match=message):
        await seen(write(tmp_path / "config", entry(server, executed(command))))


async def test_a_plugin_that_is_missing_or_fails(server, tmp_path):
    hint = {"installHint": "see https://example.com"}
    with pytest.raises(Unreachable, match=r"cannot be run: No such file(.|\n)*see https://example.com"):
        await seen(write(tmp_path / "config", entry(server, executed(tmp_path / "missing", **hint))))
    with pytest.raises(Unreachable, match="exit code 1"):
        await seen(write(tmp_path / "config", entry(server, executed("false"))))


# --- proxies ----------------------------------------------------------------------------------------------------------


class Proxy:
    """Takes CONNECT, and lets through whoever says ``me:secret`` if anybody has to."""

    def __init__(self, needs_credentials=False):
        self.needs_credentials, self.asked, self.port = needs_credentials, [], 0

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_):
        self._server.close()

    async def _accept(self, reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.asked.append(head.split()[1])
        if self.needs_credentials and f"Proxy-Authorization: Basic {b64(b'me:secret')}" not in head:
            writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
            writer.close()
            return
        host, port = self.asked[-1].split(":")
        there, back = await asyncio.open_connection(host, int(port))
        writer.write(b"HTTP/1.1 200 OK\r\nX: y\r\n\r\n")
        await asyncio.gather(_pump(reader, back), _pump(there, writer))


async def _pump(reader, writer):
    try:
        while piece := await reader.read(65536):
            writer.write(piece)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


async def test_a_proxy_of_the_file(server, tmp_path):
    async with Proxy(needs_credentials=True) as proxy:
        url = f"http://me:secret@127.0.0.1:{proxy.port}"
        found = await seen(write(tmp_path / "config", entry(server, {"token": "t"}, **{"proxy-url": url})))
        assert header(found, "Authorization") == ["Bearer t"]
        assert proxy.asked == [f"127.0.0.1:{server.port}"]
        refused = entry(server, **{"proxy-url": f"http://127.0.0.1:{proxy.port}"})
        with pytest.raises(Unreachable, match="407"):
            await seen(write(tmp_path / "refused", refused))
    with pytest.raises(Unreachable, match="cannot be reached"):
        await seen(write(tmp_path / "config", entry(server, **{"proxy-url": url})))
    with pytest.raises(Unreachable, match="proxies are http://"):
        await seen(write(tmp_path / "config", entry(server, **{"proxy-url": "ftp://127.0.0.1"})))


async def test_a_proxy_of_the_environment_is_not_asked_for_this_machine(server, tmp_path, environment):
    async with Proxy() as proxy:
        environment.setenv("HTTPS_PROXY", f"127.0.0.1:{proxy.port}")
        await seen(write(tmp_path / "config", entry(server)))
        assert proxy.asked == []


async def test_a_socks_proxy(server, tmp_path):
    asked = []

    async def accept(reader, writer):
        assert await reader.readexactly(3) == bytes((5, 1, 0))
        writer.write(bytes((5, 0)))
        *_, length = await reader.readexactly(5)
        name, port = (await reader.readexactly(length)).decode(), int.from_bytes(await reader.readexactly(2), "big")
        asked.append((name, port))
        there, back = await asyncio.open_connection(name, port)
        writer.write(bytes((5, 0, 0, 1, 127, 0, 0, 1, 0, 80)))
        await asyncio.gather(_pump(reader, back), _pump(there, writer))

    listening = await asyncio.start_server(accept, "127.0.0.1", 0)
    async with listening:
        port = listening.sockets[0].getsockname()[1]
        await seen(write(tmp_path / "config", entry(server, **{"proxy-url": f"socks5://127.0.0.1:{port}"})))
    assert asked == [("127.0.0.1", server.port)]
