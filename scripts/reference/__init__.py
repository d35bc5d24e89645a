"""The pages of the site's reference that are made from the source, so that they cannot fall behind it.

``PAGES`` has the address of each on the site and the function that writes it. ``tests/unit/docs/test_reference.py``
shows that nothing in them lacks a description.
"""

from collections.abc import Callable

from scripts.reference.annotations import annotations_page
from scripts.reference.commands import commands_page
from scripts.reference.configuration import configuration_page
from scripts.reference.events import events_page
from scripts.reference.metrics import metrics_page
from scripts.reference.python import python_page
from scripts.reference.schemas import schemas_page

PAGES: dict[str, Callable[[], str]] = {
    "reference/commands.md": commands_page,
    "reference/configuration.md": configuration_page,
    "reference/metrics.md": metrics_page,
    "reference/events.md": events_page,
    "reference/annotations.md": annotations_page,
    "reference/python.md": python_page,
    "reference/schemas.md": schemas_page,
}
