"""Pulls from a registry on loopback that fails in every way."""

import json
import os
import random
import threading
from collections.abc import Callable

import pytest

from fairlead.drivers.images.ownership import ALONE, Ownership
from fairlead.drivers.images.pulling import no_progress, pull_image
from fairlead.drivers.images.registry import Registry
from fairlead.drivers.images.registry_answers import RegistryError
from fairlead.drivers.images.store import Store
from fairlead.images.auth_file import Login
from fairlead.images.digest import DigestMismatch
from fairlead.images.documents import OCI_INDEX, DocumentError, Platform
from fairlead.images.reference import parse_reference
from fairlead.images.registries import RegistryEndpoint
from tests.support.fake_registry import cut, drop, fake_registry, reply, status
from tests.support.image_archives import MACHINE, MadeImage, archive, digest, entry

pytestmark = pytest.mark.io
HERE = Platform(MACHINE, "linux")
CONTENT = random.Random(1).randbytes(300_000)
IMAGE = MadeImage([archive(entry("first", CONTENT)), archive(entry("second", b"x" * 5000))], compression="")
LAYER = IMAGE.layers[0]
WHOLE = IMAGE.blobs[LAYER]
LOGIN = Login("user", "secret")


class Client:
    """Pulls into a store of its own.

    Attributes:
        rests: seconds that were waited.
    """

    def __init__(self, folder) -> None:
        self.store, self.rests = Store(folder, Ownership(ALONE)), []

    def pull(self, registry, text="team/app:1", logins=(), others=(), silence=10.0):
        name = parse_reference(f"{registry.host}/{text}")
        places = [*others, RegistryEndpoint(registry.host, name.repository, plain=True)]
        with no_progress() as progress:
            return pull_image(
                self.store,
                name,
                HERE,
                places,
                progress,
                lambda place: Registry(place, logins, self.rests.append, silence),
            )


@pytest.fixture
def client(tmp_path):
    return Client(tmp_path / "store")


@pytest.fixture
def registry():
    with fake_registry((IMAGE, ["1"])) as found:
        yield found


def blob_requests(registry):
    return [headers.get("Range", "") for headers in registry.asked(LAYER)]


def test_an_image_is_whole(registry, client):
    pulled = client.pull(registry)
    assert (pulled.manifest, pulled.source) == (IMAGE.manifest, IMAGE.manifest)
    assert all(client.store.read_blob(each, "it") == content for each, content in IMAGE.blobs.items())
    assert registry.asked("/manifests/1")[0]["Accept"].count(",") == 3
    before = len(registry.requests)
    client.pull(registry)
    assert len(registry.requests) == before + 1  # nothing but the manifest is asked for again


def test_a_manifest_by_digest(registry, client):
    assert client.pull(registry, f"team/app@{IMAGE.manifest}").manifest == IMAGE.manifest
    registry.manifests[digest(b"other")] = ("", IMAGE.text)
    with pytest.raises(DigestMismatch):
        client.pull(registry, f"team/app@{digest(b'other')}")


def test_an_index_leads_to_this_machine(registry, client):
    own = {**MadeImage.descriptor(IMAGE.text, ""), "platform": {"os": "linux", "architecture": MACHINE}}
    other = {**own, "platform": {"os": "linux", "architecture": "s390x"}, "digest": digest(b"x")}
    registry.put_document(
        "all", {"schemaVersion": 2, "manifests": [other, own]}, "application/vnd.oci.image.index.v1+json"
    )
    pulled = client.pull(registry, "team/app:all")
    assert pulled.manifest == IMAGE.manifest
    assert pulled.source == digest(registry.manifests["all"][1])
    registry.put_document("none", {"schemaVersion": 2, "manifests": [other]}, OCI_INDEX)
    with pytest.raises(DocumentError, match="there are: linux/s390x"):
        client.pull(registry, "team/app:none")


def test_indexes_in_a_loop_end(registry, client):
    document: dict = {"schemaVersion": 2, "manifests": [], "mediaType": "application/vnd.oci.image.index.v1+json"}
    platform = {"os": "linux", "architecture": MACHINE}
    for depth in range(6):
        text = json.dumps(document).encode()
        registry.manifests[digest(text)] = ("", text)
        document = {**document, "manifests": [{**MadeImage.descriptor(text, ""), "platform": platform}], "x": depth}
    registry.put_document("loop", document, "")
    with pytest.raises(DocumentError, match="deeper than 4"):
        client.pull(registry, "team/app:loop")


class TestLogins:
    @pytest.mark.parametrize("auth", ["basic", "bearer"])
    def test_what_a_registry_asks_for_is_shown(self, registry, client, auth):
        registry.auth = auth
        client.pull(registry, logins=[LOGIN])
        assert registry.tokens == (auth == "bearer")

    @pytest.mark.parametrize("auth", ["basic", "bearer"])
    def test_the_first_login_that_is_taken(self, registry, client, auth):
        registry.auth = auth
        client.pull(registry, logins=[Login("user", "wrong"), LOGIN])

    @pytest.mark.parametrize("auth", ["basic", "bearer"])
    @pytest.mark.parametrize("logins", [(), (Login("user", "wrong"),)])
    def test_without_a_valid_login_the_registrys_message_is_reported(self, registry, client, auth, logins):
        registry.auth = auth
        with pytest.raises(RegistryError, match=r"401 Unauthorized: (authentication required|incorrect username)"):
            client.pull(registry, logins=logins)
        assert client.rests == []

    def test_an_identity_token(self, registry, client):
        registry.auth = "bearer"
        client.pull(registry, logins=[Login(identity="identity")])

    def test_a_token_that_has_ended_is_renewed(self, registry, client):
        registry.auth = "bearer"

        def forget(request) -> bool:
            registry.valid.clear()
            return False

        registry.faults = [(LAYER, forget)]  # once: two blobs that are fetched at a time share a token
        client.pull(registry, logins=[LOGIN])
        assert registry.tokens >= 2

    def test_a_login_is_not_shown_to_where_the_registry_leads(self, registry, client):
        registry.auth = "basic"
        with fake_registry((IMAGE, [])) as elsewhere:
            location = f"http://{elsewhere.host}/{LAYER}"
            registry.faults = [
                (LAYER, lambda request: "Authorization" in request.headers and status(307, Location=location)(request))
            ] * 2
            client.pull(registry, logins=[LOGIN])
            assert elsewhere.asked(LAYER)
            assert all("Authorization" not in headers for headers in elsewhere.asked(LAYER))

    def test_a_registry_with_tls_does_not_lead_to_one_without(self):
        found = Registry(RegistryEndpoint("registry.test", "team/app"))
        with pytest.raises(RegistryError, match="does not use TLS"):
            found._require_safe("http://elsewhere.test/token")
        found._require_safe("http://127.0.0.1:1/token")
        found.close()


class TestFaults:
    @pytest.mark.parametrize("code", [408, 429, 500, 502, 503, 504])
    def test_temporary_failures_are_retried(self, registry, client, code):
        registry.faults = [("/manifests/", status(code)), (LAYER, status(code)), (LAYER, status(code))]
        client.pull(registry)
        assert sorted(client.rests) == [0.5, 0.5, 1.0]

    def test_the_pause_follows_retry_after_up_to_two_minutes(self, registry, client):
        registry.faults = [
            ("/manifests/", status(429, Retry_After="7")),
            ("/manifests/", status(503, Retry_After="9999")),
            ("/manifests/", status(503, Retry_After="Wed, 21 Oct 2026 07:28:00 GMT")),
        ]
        client.pull(registry)
        assert client.rests == [7.0, 120.0, 2.0]

    def test_a_download_fails_after_six_attempts(self, registry, client):
        registry.faults = [("/manifests/", status(503))] * 6
        with pytest.raises(RegistryError, match="503 Service Unavailable") as error:
            client.pull(registry)
        assert (error.value.status, len(client.rests)) == (503, 5)

    @pytest.mark.parametrize(("code", "part"), [(404, "/manifests/"), (403, "/manifests/"), (404, LAYER)])
    def test_permanent_failures_are_not_retried(self, registry, client, code, part):
        registry.faults = [(part, status(code))]
        with pytest.raises(RegistryError, match=str(code)):
            client.pull(registry)
        assert client.rests == []

    def test_a_missing_image_is_reported_in_the_registrys_words(self, registry, client):
        with pytest.raises(RegistryError, match="404 Not Found: manifest unknown") as error:
            client.pull(registry, "team/app:none")
        assert "/team/app/manifests/none" in str(error.value)

    @pytest.mark.parametrize("after", [0, 1, 100_000, 250_000])
    def test_a_download_continues_where_it_was_cut(self, registry, client, after):
        registry.faults = [(LAYER, cut(WHOLE, after)), (LAYER, cut(WHOLE, 50_000))]
        client.pull(registry)
        assert client.store.read_blob(LAYER, "it") == WHOLE
        first, second, third = blob_requests(registry)
        assert (first, second) == ("", f"bytes={after}-" if after else "")
        assert third == f"bytes={min(after + 50_000, len(WHOLE))}-"

    def test_retries_are_unlimited_while_a_download_makes_progress(self, registry, client):
        registry.faults = [(LAYER, cut(WHOLE, 20_000)) for _ in range(12)]
        client.pull(registry)
        assert set(client.rests) == {0.5}

    def test_a_cut_download_continues_in_another_pull(self, registry, client):
        registry.faults = [(LAYER, cut(WHOLE, 123_456)), *[(LAYER, drop)] * 6]
        with pytest.raises(RegistryError):
            client.pull(registry)
        registry.requests.clear()
        registry.faults.clear()
        client.pull(registry)
        assert blob_requests(registry) == ["bytes=123456-"]

    def test_a_registry_that_knows_no_ranges_gives_the_whole_again(self, registry, client):
        registry.faults = [(LAYER, cut(WHOLE, 100)), (LAYER, lambda request: reply(request, 200, WHOLE))]
        client.pull(registry)
        assert client.store.read_blob(LAYER, "it") == WHOLE

    @pytest.mark.parametrize("wrong", ["bytes 0-5/10", "nonsense", "bytes 101-200/300"])
    def test_another_range_than_the_one_asked_for_is_not_believed(self, registry, client, wrong):
        registry.faults = [
            (LAYER, cut(WHOLE, 100)),
            (LAYER, lambda request: reply(request, 206, b"another", {"Content-Range": wrong})),
        ]
        client.pull(registry)
        assert client.store.read_blob(LAYER, "it") == WHOLE

    def test_a_damaged_partial_file_is_downloaded_again(self, registry, client):
        with client.store.incoming(LAYER) as blob:
            blob.write(b"of another life")
        client.pull(registry)
        assert blob_requests(registry) == ["bytes=15-", ""]
        with client.store.incoming(digest(b"y")) as blob:
            blob.write(b"x")

    def test_a_partial_file_larger_than_the_blob_is_discarded(self, registry, client):
        with client.store.incoming(LAYER) as blob:
            blob.write(WHOLE + b"more")
        client.pull(registry)
        assert client.store.read_blob(LAYER, "it") == WHOLE

    @pytest.mark.parametrize("change", [lambda c: c[:-1] + b"!", lambda c: b"!" + c[1:]])
    def test_wrong_content_is_refused_and_not_kept(self, registry, client, change: Callable[[bytes], bytes]):
        registry.blobs = {**registry.blobs, LAYER: change(WHOLE)}
        with pytest.raises(DigestMismatch):
            client.pull(registry)
        assert not client.store.has_blob(LAYER)
        assert not [path for path in (client.store.folder / "partial").iterdir() if path.name.endswith(LAYER[7:])]
        registry.blobs[LAYER] = WHOLE
        client.pull(registry)

    def test_more_octets_than_announced_are_refused(self, registry, client):
        registry.blobs[LAYER] = WHOLE + b"more"
        with pytest.raises(RegistryError, match="more than the"):
            client.pull(registry)

    def test_fewer_octets_than_announced_are_refused(self, registry, client):
        registry.blobs[LAYER] = WHOLE[:1000]
        with pytest.raises(RegistryError):
            client.pull(registry)

    def test_a_body_that_stops_without_end_counts_as_cut(self, registry, client):
        go_on = threading.Event()

        def stop(request) -> bool:
            request.send_response(200)
            request.send_header("Content-Length", str(len(WHOLE)))
            request.end_headers()
            request.wfile.write(WHOLE[:70_000])
            request.wfile.flush()
            go_on.wait(20)
            request.close_connection = True
            return True

        registry.faults = [(LAYER, stop)]
        client.pull(registry, silence=0.3)
        go_on.set()
        assert blob_requests(registry) == ["", "bytes=70000-"]

    def test_redirects_without_end(self, registry, client):
        registry.faults = [(LAYER, status(307, Location=f"http://{registry.host}/x/{LAYER}"))] * 9
        with pytest.raises(RegistryError, match="more than 5 redirects"):
            client.pull(registry)

    @pytest.mark.parametrize("says_length", [True, False])
    def test_a_manifest_of_gigabytes(self, registry, client, says_length):
        def endless(request) -> bool:
            request.send_response(200)
            if says_length:
                request.send_header("Content-Length", str(5 << 30))
            request.end_headers()
            request.close_connection = True
            while not says_length:
                request.wfile.write(b" " * 65536)  # until the client has gone
            return True

        registry.faults = [("/manifests/", endless)]
        with pytest.raises(RegistryError, match="more than 4194304 octets"):
            client.pull(registry)

    def test_a_header_that_names_another_digest(self, registry, client):
        header = {"Docker-Content-Digest": digest(b"other"), "Content-Type": ""}
        registry.faults = [("/manifests/", lambda request: reply(request, 200, IMAGE.text, header))]
        with pytest.raises(DigestMismatch):
            client.pull(registry)

    def test_a_registry_that_does_not_listen(self, registry, client):
        registry.close()
        with pytest.raises(RegistryError, match="refused"):
            client.pull(registry)
        assert len(client.rests) == 5


class TestMirrors:
    def test_the_first_that_has_it(self, registry, client):
        with fake_registry() as empty:
            pulled = client.pull(registry, others=[RegistryEndpoint(empty.host, "mirror/app", plain=True)])
            assert empty.asked("/v2/mirror/app/manifests/1")
        assert pulled.manifest == IMAGE.manifest

    def test_what_each_says(self, registry, client):
        with fake_registry() as empty, pytest.raises(RegistryError, match=f"unknown; mirror {empty.host}: .*unknown"):
            client.pull(registry, "team/app:none", others=[RegistryEndpoint(empty.host, "mirror/app", plain=True)])


def test_two_pulls_at_once_fetch_each_blob_once(registry, client):
    failures = []

    def pull() -> None:
        try:
            client.pull(registry)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=pull) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(registry.asked(LAYER)) == 1


def test_several_blobs_come_at_a_time(client):
    made = MadeImage([archive(entry(f"f{number}", os.urandom(1000))) for number in range(6)], compression="")
    meeting = threading.Barrier(3)

    def meet(request) -> bool:
        meeting.wait(60)
        return False

    with fake_registry((made, ["1"])) as registry:
        registry.faults = [(layer, meet) for layer in made.layers[:3]]
        client.pull(registry)
    assert not meeting.broken
