"""Configurations of webhooks, and what webhooks can say."""

import base64
import json

ADMISSION = "/apis/admissionregistration.k8s.io/v1"
MAPS_RULE = {"operations": ["*"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"]}


def webhook(name="one.example.com", url="https://one/", rules=(MAPS_RULE,), **fields):
    """A webhook that hears of ConfigMaps, if nothing else is said."""
    plain = {
        "name": name,
        "clientConfig": {"url": url},
        "rules": list(rules),
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
    }
    return {field: value for field, value in {**plain, **fields}.items() if value is not None}


def rule(resources, operations=("*",), groups=("*",), versions=("*",), **fields):
    lists = {"operations": operations, "apiGroups": groups, "apiVersions": versions, "resources": resources}
    return {**{field: list(values) for field, values in lists.items()}, **fields}


def configuration(kind, *webhooks, name="hooks"):
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": f"{kind}WebhookConfiguration",
        "metadata": {"name": name},
        "webhooks": list(webhooks),
    }


def configure(world, kind, *webhooks, name="hooks"):
    """Have a world ask these webhooks."""
    made = configuration(kind, *webhooks, name=name)
    world.do("POST", f"{ADMISSION}/{kind.lower()}webhookconfigurations", made)


def patch(*operations, **fields):
    """A response that changes the object."""
    encoded = base64.b64encode(json.dumps(operations).encode()).decode()
    return {"allowed": True, "patchType": "JSONPatch", "patch": encoded, **fields}


def add(path, value):
    return {"op": "add", "path": path, "value": value}


ALLOWED = {"allowed": True}
DENIED = {"allowed": False}
