"""Options of a lab."""

import pytest

from fairlead.app.lab.config_nodes import ConfigError
from fairlead.lab.options import Wishes


def test_a_lab_has_two_nodes_by_default():
    assert [node.name for node in Wishes().settings().nodes] == ["node-1", "node-2"]
    assert len(Wishes(nodes=5).settings().nodes) == 5


@pytest.mark.io
def test_images_of_options_come_before_those_of_the_file(tmp_path):
    file = tmp_path / "lab.yaml"
    file.write_text("images: {web: sleep 1, db: sleep 2}\n")
    images = Wishes(config=file, images={"web": "sleep 3"}).settings().images
    assert [(pattern, image.entrypoint[1]) for pattern, image in images.items()] == [("web", "3"), ("db", "2")]


@pytest.mark.parametrize(
    ("wishes", "message"),
    [
        (Wishes(nodes=0), "nodes: 0 is not between 1 and 240"),
        (Wishes(images={"web": "sh -c 'x"}), "image web=sh -c 'x: No closing quotation"),
    ],
)
def test_impossible_options_are_refused_by_name(wishes, message):
    with pytest.raises(ConfigError) as caught:
        wishes.settings()
    assert str(caught.value) == message


def test_a_seed_needs_a_lab_without_namespaces():
    assert Wishes(userspace=True, seed=7).settings().seed == 7
    for userspace in (None, False):
        with pytest.raises(ConfigError, match=r"--seed: needs --userspace"):
            Wishes(userspace=userspace, seed=7).settings()
