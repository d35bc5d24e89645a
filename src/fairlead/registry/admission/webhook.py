"""A webhook, as a stored configuration has it.

Upstream: k8s.io/api ``admissionregistration/v1/types.go``.
"""

from functools import lru_cache
from typing import NamedTuple

import msgspec

from fairlead.model.document import Doc
from fairlead.registry.admission.matching import Matcher, read_matcher
from fairlead.registry.admission.review import VERSIONS
from fairlead.registry.questions import ReviewServer, read_server
from fairlead.registry.store import State

MUTATING = "mutatingwebhookconfigurations.admissionregistration.k8s.io"
VALIDATING = "validatingwebhookconfigurations.admissionregistration.k8s.io"


class Webhook(NamedTuple):
    """One webhook.

    Attributes:
        identity: unique.
        version: of the reviews that it gets.
        conditions: ``matchConditions``.
        fails_open: failed calls are ignored.
        allows_dry_run: it can be called for dry runs.
        is_reinvoked: it is called again after another one has changed the object.
    """

    identity: tuple[str, str]
    name: str
    server: ReviewServer
    version: str
    matcher: Matcher
    conditions: tuple[Doc, ...]
    fails_open: bool
    seconds: int
    allows_dry_run: bool
    is_reinvoked: bool


def webhooks(state: State, configurations: str) -> list[Webhook]:
    """The webhooks of all configurations: by their configurations' names, and in each as written."""
    stored = sorted(state.of(configurations).items())
    return [webhook for _, configuration in stored for webhook in _webhooks(configuration.document)]


@lru_cache(maxsize=256)
def _webhooks(document: bytes) -> tuple[Webhook, ...]:
    configuration: Doc = msgspec.json.decode(document)
    name = configuration["metadata"]["name"]
    return tuple(_webhook(name, webhook) for webhook in configuration.get("webhooks") or ())


def _webhook(configuration: str, webhook: Doc) -> Webhook:
    reviews = webhook["admissionReviewVersions"]
    return Webhook(
        (configuration, webhook["name"]),
        webhook["name"],
        read_server(webhook["clientConfig"]),
        next(version for version in reviews if version in VERSIONS),
        read_matcher({"rules": [], **webhook}, "rules"),
        tuple(webhook.get("matchConditions") or ()),
        webhook["failurePolicy"] == "Ignore",
        webhook["timeoutSeconds"],
        webhook["sideEffects"] in ("None", "NoneOnDryRun"),
        webhook.get("reinvocationPolicy") == "IfNeeded",
    )
