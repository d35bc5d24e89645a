"""The store: several writers, kills, archives in and out, removal."""

import io
import multiprocessing
import os
import signal
import tarfile
import time
from pathlib import Path

import pytest

from fairlead.app.images import local
from fairlead.drivers.images import in_use
from fairlead.drivers.images.archive_files import ArchiveError, open_files
from fairlead.drivers.images.archives import load_images
from fairlead.drivers.images.ownership import ALONE, Ownership
from fairlead.drivers.images.store import ImageStoreError, Store
from fairlead.images.digest import DigestMismatch
from fairlead.images.documents import DocumentError, Platform
from fairlead.images.layer_plan import LayerError
from fairlead.images.reference import InvalidReference, parse_reference
from tests.support.hostile_layers import HOSTILE
from tests.support.image_archives import MACHINE, MadeImage, archive, digest, entry, folder, link

pytestmark = pytest.mark.io
HERE = Platform(MACHINE, "linux")
NAME = parse_reference("test/app:1")


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setattr(local, "this_platform", lambda: HERE)
    return Store(tmp_path / "store", Ownership(ALONE))


def load(store, path, name=None):
    return local.load(store, path, io.BytesIO(), name)


def image(text=b"hello", **settings):
    return MadeImage([archive(folder("etc"), entry("etc/motd", text))], **settings)


@pytest.mark.parametrize("compression", ["", "gzip", "zstd"])
def test_an_image_of_a_layout_is_there_by_name_and_unpacked(store, tmp_path, compression):
    made = image(compression=compression)
    for source in (made.write_layout(tmp_path / "layout"), made.write_archive(tmp_path / "archive.tar")):
        assert load(store, source) == ["test/app:1"]
        named = store.find(NAME)
        assert named.manifest == made.manifest
        found = store.image(named.manifest)
        assert (store.layer_path(found.layers[0].diff_id) / "etc" / "motd").read_bytes() == b"hello"


def test_names(store, tmp_path):
    made = image()
    path = made.write_archive(tmp_path / "a.tar")
    assert load(store, path, parse_reference("other:2")) == ["other:2"]
    load(store, path)
    by_digest = parse_reference(f"test/app@{made.manifest}")
    assert store.find(by_digest).name == "docker.io/test/app:1"
    assert store.find(parse_reference(f"else/app@{made.manifest}")) is None
    assert [named.name for named in store.names()] == ["docker.io/library/other:2", "docker.io/test/app:1"]


def test_a_saved_image_can_be_loaded(store, tmp_path):
    load(store, image().write_archive(tmp_path / "a.tar"))
    saved = tmp_path / "saved.tar"
    with open(saved, "wb") as file:
        local.save(store, [NAME], file)
    other = Store(tmp_path / "other", Ownership(ALONE))
    assert load(other, saved) == ["test/app:1"]
    assert other.find(NAME).manifest == store.find(NAME).manifest
    docker = tmp_path / "docker.tar"  # without what makes it an OCI layout
    with tarfile.open(saved) as whole, tarfile.open(docker, "w") as part:
        for member in whole:
            if member.name not in ("index.json", "oci-layout"):
                part.addfile(member, whole.extractfile(member))
    assert load(Store(tmp_path / "third", Ownership(ALONE)), docker) == ["test/app:1"]


def docker_archive(*files, manifest):
    import json

    return archive(entry("manifest.json", json.dumps(manifest).encode()), *files)


LAYER = archive(entry("a", b"x"))
CONFIG = b'{"rootfs": {"diff_ids": ["%s"]}}' % digest(LAYER).encode()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"nothing", "the archive is damaged"),
        (archive(entry("file", b"x")), "neither index.json"),
        (archive(entry("index.json", b"{")), "index.json"),
        (archive(entry("index.json", b'{"schemaVersion": 2, "manifests": [{"digest": "x", "size": 1}]}')), "no digest"),
        (archive(entry("index.json", image().index("a/b:1"))), "is missing"),
        (archive(link("index.json", "index.json")), "links to links"),
        (docker_archive(manifest=[{"Config": "../../etc/passwd", "Layers": []}]), "is missing"),
        (docker_archive(manifest={"Config": 1}), "manifest.json"),
        (
            docker_archive(entry("c", CONFIG), manifest=[{"Config": "c", "Layers": ["l"], "RepoTags": ["a:1"]}]),
            "the layer 'l' is missing",
        ),
        (
            docker_archive(
                entry("c", CONFIG),
                entry("l", b"another"),
                manifest=[{"Config": "c", "Layers": ["l"], "RepoTags": ["a:1"]}],
            ),
            "damaged",
        ),
        (
            docker_archive(
                entry("c", CONFIG), entry("l", LAYER), manifest=[{"Config": "c", "Layers": ["l"], "RepoTags": ["A:1"]}]
            ),
            "lowercase",
        ),
        (
            docker_archive(entry("c", CONFIG), entry("l", LAYER), manifest=[{"Config": "c", "Layers": ["l"]}]),
            "has no name",
        ),
    ],
)
def test_an_archive_that_holds_no_images_is_refused_with_the_reason(store, tmp_path, data, why):
    path = tmp_path / "a.tar"
    path.write_bytes(data)
    with pytest.raises((ArchiveError, DocumentError, InvalidReference, LayerError), match=why):
        load(store, path)
    local.prune(store, everything=False)
    assert not list((store.folder / "blobs").glob("*/*"))


def test_a_folder_gives_nothing_that_is_outside_of_it(store, tmp_path):
    (tmp_path / "secret").write_bytes(CONFIG)
    source = tmp_path / "layout"
    source.mkdir()
    (source / "manifest.json").write_text('[{"Config": "../secret", "Layers": []}]')
    with pytest.raises(ArchiveError, match="leads out"):
        load(store, source)
    (source / "c").symlink_to("../secret")
    (source / "manifest.json").write_text('[{"Config": "c", "Layers": []}]')
    with pytest.raises(ArchiveError, match="'c'"):
        load(store, source)


@pytest.mark.parametrize("which", ["config", "layer", "manifest"])
def test_a_blob_that_is_not_what_its_digest_says_is_refused(store, tmp_path, which):
    made = image()
    wrong = {"config": digest(made.config), "layer": made.layers[0], "manifest": made.manifest}[which]
    made.blobs[wrong] = made.blobs[wrong][:-3] + b"\n\n}"
    with pytest.raises((DigestMismatch, ArchiveError, DocumentError)):
        load(store, made.write_layout(tmp_path / "layout"))
    assert store.names() == []
    assert not store.has_blob(wrong)


@pytest.mark.parametrize("case", ["parent", "a character device", "through a link out"])
def test_a_hostile_layer_leaves_neither_a_name_nor_files(store, tmp_path, case):
    made = MadeImage([archive(entry("good", b"x")), HOSTILE[case][0]])
    with pytest.raises(LayerError, match=made.layers[1]):
        load(store, made.write_layout(tmp_path / "layout"))
    assert store.names() == []
    local.prune(store, everything=False)
    assert [path for path in (store.folder / "layers").rglob("*") if path.is_file()] == []


def test_an_image_for_another_machine_is_refused(store, tmp_path):
    with pytest.raises(DocumentError, match="an image for linux/riscv64"):
        load(store, image(architecture="riscv64").write_layout(tmp_path / "layout"))


def test_removal_keeps_what_others_need(store, tmp_path):
    shared = archive(entry("shared", b"s" * 1000))
    one, two = MadeImage([shared, archive(entry("one", b"1"))]), MadeImage([shared, archive(entry("two", b"2"))])
    load(store, one.write_layout(tmp_path / "one", "docker.io/test/one:1"))
    load(store, two.write_layout(tmp_path / "two", "docker.io/test/two:1"))
    assert local.remove(store, [parse_reference("test/one:1")], force=False) > 0
    assert set(two.blobs) == {f"sha256:{path.name}" for path in (store.folder / "blobs/sha256").iterdir()}
    assert store.is_unpacked(store.image(two.manifest))
    with pytest.raises(ImageStoreError, match="there is no image test/one:1"):
        local.remove(store, [parse_reference("test/one:1")], force=False)
    assert local.prune(store, everything=True) > 0
    assert list((store.folder / "blobs/sha256").iterdir()) == []
    assert list((store.folder / "layers").iterdir()) == []


def test_an_image_that_a_lab_uses_stays(store, tmp_path):
    made = image()
    load(store, made.write_layout(tmp_path / "layout"))
    held = in_use.hold(store.folder, made.manifest)
    with pytest.raises(ImageStoreError, match=r"a running lab uses docker\.io/test/app:1"):
        local.remove(store, [NAME], force=False)
    local.prune(store, everything=True)
    assert store.find(NAME)
    local.remove(store, [NAME], force=True)
    assert store.find(NAME) is None
    assert store.is_unpacked(store.image(made.manifest))  # for as long as the lab needs it
    os.close(held)
    local.prune(store, everything=False)
    assert not store.has_blob(made.manifest)


def test_a_folder_becomes_an_image(store, tmp_path):
    from fairlead.images.documents import ImageProcess

    root = tmp_path / "root"
    (root / "bin").mkdir(parents=True)
    (root / "bin" / "tool").write_text("#!/bin/sh\n")
    (root / "bin" / "tool").chmod(0o755)
    (root / "link").symlink_to("/etc/passwd")
    os.link(root / "bin" / "tool", root / "bin" / "other")
    os.mkfifo(root / "pipe")
    name = local.load_folder(store, root, ImageProcess(entrypoint=("tool",), env=("A=1",)), NAME)
    found = store.image(store.find(NAME).manifest)
    assert name == "test/app:1"
    assert (found.config.process.entrypoint, found.config.process.env) == (("tool",), ("A=1",))
    layer = store.layer_path(found.layers[0].diff_id)
    assert os.readlink(layer / "link") == "/etc/passwd"
    assert (layer / "bin" / "tool").stat().st_nlink == 2
    assert not (layer / "pipe").exists()
    (root / ".wh.x").touch()
    with pytest.raises(ValueError, match="removes a file"):
        local.load_folder(store, root, ImageProcess(), NAME)


def test_a_download_continues_where_another_writer_ended(store):
    content = os.urandom(3_000_000)
    with store.incoming(digest(content)) as blob:
        blob.write(content[:2_000_000])
    with store.incoming(digest(content)) as blob:
        assert blob.size == 2_000_000
        blob.write(content[2_000_000:])
        blob.commit()
    assert store.read_blob(digest(content), "it") == content
    with store.incoming(digest(content)) as blob:
        assert blob is None
    assert list((store.folder / "partial").iterdir()) == []


def test_a_name_that_was_not_finished_goes_with_the_next_removal(store):
    draft = store.folder / "names" / ".draft.1"
    draft.write_bytes(b"{")
    local.prune(store, everything=False)
    assert not draft.exists()


def _load_slowly(root: Path, source: Path, started) -> None:
    local.this_platform = lambda: HERE
    started.set()
    for _ in range(50):
        load(Store(root, Ownership(ALONE)), source)
        local.remove(Store(root, Ownership(ALONE)), [NAME], force=False)


def test_two_writers_and_kills_leave_a_store_that_is_whole(store, tmp_path):
    files = [entry(f"d{number % 7}/f{number}", os.urandom(2000)) for number in range(300)]
    made = MadeImage([archive(*files[:150]), archive(*files[150:])])
    source = made.write_layout(tmp_path / "layout")
    fork = multiprocessing.get_context("fork")
    for number in range(8):
        started = fork.Event()
        child = fork.Process(target=_load_slowly, args=(store.folder, source, started))
        child.start()
        started.wait()
        time.sleep(0.01 * number)
        os.kill(child.pid, signal.SIGKILL)
        child.join()
        assert load(store, source) == ["test/app:1"]
        found = store.image(store.find(NAME).manifest)
        for (header, content), layer in zip((files[0], files[200]), found.layers, strict=True):
            assert (store.layer_path(layer.diff_id) / header.name).read_bytes() == content
    local.prune(store, everything=True)
    assert [path for path in store.folder.rglob("*") if path.is_file() and path.name != "lock"] == []


def test_archives_may_be_compressed_and_come_from_a_pipe(store, tmp_path):
    import gzip

    path = image().write_archive(tmp_path / "a.tar")
    packed = tmp_path / "a.tgz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert load(store, packed) == ["test/app:1"]
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        with open(writer, "wb") as end:
            end.write(packed.read_bytes())
        os._exit(0)
    os.close(writer)
    with open(reader, "rb") as pipe, open_files(None, pipe, tmp_path) as files:
        assert len(load_images(store, files, HERE)) == 1
    os.waitpid(pid, 0)
