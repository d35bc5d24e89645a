"""Layers that are laid over each other by hand, where there is no overlayfs, are as overlayfs shows them."""

import os
import stat

import pytest

from fairlead.drivers.images.layer_stream import LayerStream
from fairlead.drivers.images.unpacking import unpack_layer
from fairlead.drivers.pods.copied_root import copy_layers
from fairlead.images.layer_plan import USUAL_LIMITS
from tests.support.image_archives import archive, digest, entry, folder, hard_link, link

pytestmark = pytest.mark.io

LOWEST = archive(
    folder("etc", mode=0o755),
    entry("etc/motd", b"lowest", mode=0o640),
    entry("etc/gone", b"x"),
    folder("opaque"),
    entry("opaque/hidden", b"x"),
    folder("to-link"),
    entry("to-link/x", b"x"),
    link("to-folder", "/etc"),
    entry("first", b"same"),
    hard_link("second", "first"),
)
HIGHEST = archive(
    folder("etc", mode=0o511),
    entry("etc/motd", b"highest"),
    entry("etc/.wh.gone"),
    folder("opaque"),
    entry("opaque/.wh..wh..opq"),
    entry("opaque/new", b"x"),
    entry(".wh.to-folder"),
    folder("to-folder"),
    entry("to-folder/new", b"x"),
    entry(".wh.never-there"),
)


def test_layers_over_each_other(tmp_path):
    layers = []
    for number, data in enumerate((LOWEST, HIGHEST)):
        (tmp_path / f"blob{number}").write_bytes(data)
        (tmp_path / f"layer{number}").mkdir()
        with open(tmp_path / f"blob{number}", "rb", buffering=0) as blob:
            stream = LayerStream(blob, "", digest(data), USUAL_LIMITS)
            unpack_layer(stream, tmp_path / f"layer{number}", keep_owners=False, limits=USUAL_LIMITS)
            stream.close()
        layers.append(str(tmp_path / f"layer{number}"))
    target = tmp_path / "target"
    target.mkdir()
    copy_layers(layers, str(target))
    found = {str(path.relative_to(target)) for path in target.rglob("*")}
    assert found == {
        *("etc", "etc/motd", "opaque", "opaque/new", "to-link", "to-link/x", "to-folder", "to-folder/new"),
        *("first", "second"),
    }
    assert (target / "etc/motd").read_bytes() == b"highest"
    assert stat.S_IMODE((target / "etc").stat().st_mode) == 0o511
    assert (target / "first").stat().st_ino == (target / "second").stat().st_ino
    assert not os.path.islink(target / "to-folder")
