"""The recipes of docs/testing.md, run as written."""

import re
from pathlib import Path

import pytest

from tests.support.pytest_runs import Suite
from tests.support.users import CHECKOUT, users

SHOP = '''
DEPLOYMENT = {
    "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "shop"},
    "spec": {
        "replicas": 2, "selector": {"matchLabels": {"app": "shop"}},
        "template": {
            "metadata": {"labels": {"app": "shop"}},
            "spec": {
                "terminationGracePeriodSeconds": 0,
                "containers": [{"name": "shop", "image": "fairlead/echo"}],
            },
        },
    },
}
SHOP = """
apiVersion: v1
kind: Service
metadata: {name: shop}
spec: {selector: {app: shop}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: shop-pods}
spec: {clusterIP: None, selector: {app: shop}, ports: [{port: 80}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
spec:
  replicas: 2
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec:
      terminationGracePeriodSeconds: 0
      containers: [{name: shop, image: fairlead/echo}]
"""
'''


def recipes() -> list[str]:
    text = Path(CHECKOUT, "docs", "testing.md").read_text().partition("## Recipes")[2]
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)


def test_there_are_five_recipes():
    assert len(recipes()) == 5


@pytest.mark.parametrize("user", users()[-1:], ids=str)
def test_each_recipe_has_its_documented_effect(user):
    suite = Suite(user, test_recipes=SHOP + "\n\n".join(recipes()))
    try:
        run = suite.run()
        assert run.counts == {"passed": 5}, run
        assert suite.left() == []
    finally:
        suite.close()
