"""A pull that is killed, two at once, and a disk that is full: the store stays whole, and the next pull finishes."""

import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import threading
from pathlib import Path

import pytest

from fairlead.drivers.images.ownership import ALONE, Ownership
from fairlead.drivers.images.pulling import no_progress, pull_image
from fairlead.drivers.images.registry import Registry
from fairlead.drivers.images.store import Store
from fairlead.images.documents import Platform
from fairlead.images.reference import parse_reference
from fairlead.images.registries import RegistryEndpoint
from tests.support.fake_registry import fake_registry
from tests.support.image_archives import MACHINE, MadeImage, archive, entry
from tests.support.labs import FAIRLEAD, eventually

pytestmark = pytest.mark.io
SIZE = 3_000_000
IMAGE = MadeImage(
    [archive(entry("first", random.Random(1).randbytes(SIZE))), archive(entry("second", b"x"))], compression=""
)
LAYER = IMAGE.layers[0]


def pull(folder: Path, host: str) -> None:
    name = parse_reference(f"{host}/team/app:1")
    with no_progress() as progress:
        store = Store(folder, Ownership(ALONE))
        pull_image(
            store, name, Platform(MACHINE, "linux"), [RegistryEndpoint(host, "team/app", True)], progress, Registry
        )


@pytest.mark.parametrize("pulls", [1, 2])
def test_a_killed_pull_is_continued(tmp_path, pulls):
    go_on = threading.Event()

    def half(request) -> bool:
        request.send_response(200)
        request.send_header("Content-Length", str(len(IMAGE.blobs[LAYER])))
        request.end_headers()
        request.wfile.write(IMAGE.blobs[LAYER][: SIZE // 2])
        request.wfile.flush()
        go_on.wait(120)
        return True

    fork = multiprocessing.get_context("fork")
    with fake_registry((IMAGE, ["1"])) as registry:
        registry.faults = [(LAYER, half)]
        children = [fork.Process(target=pull, args=(tmp_path / "store", registry.host)) for _ in range(pulls)]
        for child in children:
            child.start()
        draft = tmp_path / "store" / "partial" / LAYER.replace(":", "-")
        eventually(lambda: draft.stat().st_size > SIZE // 3 if draft.exists() else False)
        for number in (signal.SIGSTOP, signal.SIGKILL):  # stopped first: one must not take over from the other
            for child in children:
                os.kill(child.pid, number)
        for child in children:
            child.join()
        there = draft.stat().st_size
        go_on.set()
        registry.requests.clear()
        pull(tmp_path / "store", registry.host)
        (headers,) = registry.asked(LAYER)
        assert headers["Range"] == f"bytes={there}-"
    store = Store(tmp_path / "store", Ownership(ALONE))
    assert store.read_blob(LAYER, "it") == IMAGE.blobs[LAYER]
    assert list((store.folder / "partial").iterdir()) == []


FULL = """
mount -t tmpfs -o size=4m small "$1"
export HOME="$1" XDG_DATA_HOME="$1"
"$2" image load "$3"; echo "first: $?"
"$2" image ls -q
find "$1/fairlead/images/layers" -name first
mount -o remount,size=64m "$1"
"$2" image load "$3"; echo "second: $?"
"$2" image ls -q
"""


def test_a_full_disk(tmp_path):
    """The blob has room, the unpacked layer has not."""
    path = IMAGE.write_archive(tmp_path / "app.tar")
    (tmp_path / "small").mkdir()
    words = ["unshare", "--mount", *(["--map-root-user"] if os.geteuid() else []), "sh", "-c", FULL, "sh"]
    assert shutil.which("unshare")
    done = subprocess.run(
        [*words, tmp_path / "small", FAIRLEAD, path], capture_output=True, text=True, check=False, timeout=180
    )
    lines = done.stdout.splitlines()
    assert lines == ["first: 3", "loaded test/app:1", "second: 0", "test/app:1"], done.stdout + done.stderr
    assert "No space left on device" in done.stderr
