"""The configuration file of a lab."""

import pytest

from fairlead.app.lab_config import ConfigError, image_of, read_config
from fairlead.nodeagent.images import Image


@pytest.fixture
def read(tmp_path):
    def read(text: str):
        path = tmp_path / "lab.yaml"
        path.write_text(text)
        return read_config(path)

    return read


@pytest.mark.parametrize(
    ("text", "images"),
    [
        ("", {}),
        ("images: {}", {}),
        ("images: {'nginx*': \"serve --root '/my files'\"}", {"nginx*": Image(("serve", "--root", "/my files"))}),
        (
            "images: {db: {entrypoint: [run, a b], args: start -v, env: {PORT: '80'}}}",
            {"db": Image(("run", "a b"), ("start", "-v"), {"PORT": "80"})},
        ),
    ],
)
def test_images(read, text, images):
    assert read(text).images == images


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("imges: {}", "Object contains unknown field `imges`; known here: images"),
        ("images: [a]", "images: Expected `object`, got `array`"),
        ("- images", "Expected `object`, got `array`"),
        ("images: {a: {entry: x}}", 'images["a"]: Object contains unknown field `entry`; known here: entrypoint, args'),
        ("images: {a: {env: {PORT: 80}}}", 'images["a"].env[...]: Expected `str`, got `int`'),
        ("images: {a: {args: 7}}", 'images["a"].args: Expected `str | array`, got `int`'),
        ("images: {a: 7}", 'images["a"]: Expected `object`, got `int`'),
        ('images: {a: "it\'s"}', 'images["a"]: No closing quotation'),
        ("images: {a", "expected ',' or '}'"),
    ],
)
def test_what_is_wrong_is_said_of_its_field(read, text, message):
    with pytest.raises(ConfigError) as refusal:
        read(text)
    assert message in str(refusal.value)
    assert "lab.yaml: " in str(refusal.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.yaml: No such file"):
        read_config(tmp_path / "none.yaml")


def test_a_command_line_takes_more_arguments():
    assert image_of("sh -c") == Image(entrypoint=("sh", "-c"))
