"""The generated reference: everything is in it, and nothing in it lacks a description."""

import importlib
import inspect
import json

import click
import pytest
from scripts.reference import PAGES, annotations, events
from scripts.reference.commands import commands
from scripts.reference.configuration import FILES, fields
from scripts.reference.metrics import metrics
from scripts.reference.python import PACKAGES, exported
from scripts.reference.schemas import schemas


@pytest.mark.parametrize("context", list(commands()), ids=lambda each: each.command_path)
def test_commands_and_their_options_say_what_they_do(context):
    assert context.command.help
    options = [each for each in context.command.get_params(context) if isinstance(each, click.Option)]
    assert [each.name for each in options if not each.hidden and not each.help and not is_plain(each)] == []


def is_plain(option: click.Option) -> bool:
    """Whether the metavar or the choices of an option say all there is to say."""
    return option.metavar is not None or isinstance(option.type, click.Choice)


@pytest.mark.parametrize("title", sorted(FILES))
def test_every_field_of_a_configuration_file_is_described(title):
    found = list(fields(FILES[title][1]))
    assert len(found) > 3
    assert [field.path for field in found if len(field.text) < 8] == []


def test_every_metric_is_described():
    found = list(metrics())
    assert {row.part for row in found} >= {"API server", "DNS server", "announcer", "every part", "node proxy"}
    assert [row.name for row in found if len(row.text.split()) < 2] == []


def test_every_reason_of_an_event_is_described():
    assert {reason.text for reason in events.reasons()} == set(events.MEANINGS)


def test_every_name_of_ours_is_described():
    assert set(annotations.names()) == set(annotations.MEANINGS)


@pytest.mark.parametrize(("package", "name"), exported(), ids=lambda each: each)
def test_exports_of_the_python_api_have_docstrings(package, name):
    thing = getattr(importlib.import_module(package), name)
    assert thing.__doc__
    members = [each for each in vars(thing) if inspect.isfunction(vars(thing)[each]) and not each.startswith("_")]
    assert [member for member in members if not inspect.getdoc(getattr(thing, member))] == []


def test_every_public_package_is_in_the_python_api():
    assert all(f"\n## {package}\n" in PAGES["reference/python.md"]() for package in PACKAGES)


@pytest.mark.parametrize("title", sorted(schemas()))
def test_schemas_are_json(title):
    assert "$schema" in json.loads(schemas()[title]) or "$ref" in json.loads(schemas()[title])
