"""Manifests, indexes and configurations, and the choice of a platform."""

import json

import pytest

from fairlead.images.documents import (
    DOCKER_MANIFEST,
    Descriptor,
    DocumentError,
    Index,
    Manifest,
    Platform,
    check_platform,
    choose_platform,
    layers_of,
    read_config,
    read_manifest,
)

D = "sha256:" + "a" * 64
CONFIG = {"mediaType": "x", "digest": D, "size": 1}
HERE = Platform("arm64", "linux", "v8")


def manifest(**changes):
    return json.dumps({"schemaVersion": 2, "config": CONFIG, "layers": [], **changes}).encode()


def test_manifests_and_indexes_are_recognised_by_content():
    assert isinstance(read_manifest(manifest(), "", "m"), Manifest)
    assert isinstance(read_manifest(manifest(mediaType=DOCKER_MANIFEST), "text/plain", "m"), Manifest)
    assert isinstance(read_manifest(b'{"schemaVersion": 2, "manifests": []}', "", "m"), Index)


@pytest.mark.parametrize(
    ("content", "media_type", "why"),
    [
        (b"{", "", "m: "),
        (b"[]", "", "m: "),
        (b'{"schemaVersion": 1}', "", "schema 1"),
        (b"{}", "application/vnd.docker.distribution.manifest.v1+prettyjws", "schema 1"),
        (b'{"schemaVersion": 3}', "", "schemaVersion must be 2, not 3"),
        (b'{"schemaVersion": 2}', "application/x", "application/x is neither an image"),
        (manifest(config={**CONFIG, "digest": "sha256:../../x"}), "", r"config\[0\].digest: 'sha256:../../x'"),
        (manifest(layers=[{**CONFIG, "size": -1}]), "", "m: "),
        (manifest(layers=[CONFIG] * 501), "", "layers: more than 500"),
        (b" " * (4 * 1024 * 1024 + 1), "", "more than 4194304 octets"),
        (b"[" * 100_000, "", "m: "),
    ],
)
def test_invalid_image_manifests_are_refused_by_field(content, media_type, why):
    with pytest.raises(DocumentError, match=why):
        read_manifest(content, media_type, "m")


def offered(*platforms):
    return Index(tuple(Descriptor(f"sha256:{n:064}", 1, "", each) for n, each in enumerate(platforms)))


@pytest.mark.parametrize(
    ("platforms", "chosen"),
    [
        ((Platform("amd64", "linux"), Platform("arm64", "linux")), 1),
        ((Platform("arm64", "linux"), Platform("arm64", "linux", "v8")), 1),
        ((Platform("arm64", "linux", "v9"), Platform("arm64", "linux")), 1),
        ((Platform("arm64", "linux", "v9"), Platform("amd64", "linux")), 0),
        ((None,), 0),
    ],
)
def test_the_image_for_a_platform(platforms, chosen):
    assert choose_platform(offered(*platforms), HERE, "i").digest == f"sha256:{chosen:064}"


def test_no_image_for_a_platform_says_which_there_are():
    index = offered(Platform("amd64", "linux"), Platform("unknown", "unknown"), Platform("arm64", "windows"))
    with pytest.raises(DocumentError, match=r"no image for linux/arm64/v8; there are: linux/amd64, windows/arm64$"):
        choose_platform(index, HERE, "i")


def test_an_image_for_another_machine_is_refused():
    config = read_config(b'{"architecture": "s390x", "os": "linux", "rootfs": {"diff_ids": []}}', "c")
    with pytest.raises(DocumentError, match="an image for linux/s390x; this machine is linux/arm64/v8"):
        check_platform(config, HERE, "c")


@pytest.mark.parametrize(
    ("layers", "diff_ids", "why"),
    [
        ([("application/vnd.oci.image.layer.v1.tar", D)], [], "1 layers in the manifest, 0 in the configuration"),
        ([("application/wasm", D)], [D], "layers.0..mediaType: 'application/wasm' is no layer"),
    ],
)
def test_layers_that_do_not_fit(layers, diff_ids, why):
    found = Manifest(Descriptor(D, 1), tuple(Descriptor(digest, 1, media) for media, digest in layers))
    config = read_config(json.dumps({"rootfs": {"diff_ids": diff_ids}}).encode(), "c")
    with pytest.raises(DocumentError, match=why):
        layers_of(found, config, "m")


def test_a_digest_of_the_configuration_is_checked():
    with pytest.raises(DocumentError, match=r"rootfs.diff_ids\[0\]: 'x' is no digest"):
        read_config(b'{"rootfs": {"diff_ids": ["x"]}}', "c")
