"""Does a site answer by its name once the operator has seen it?"""

import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from site_operator import Operator, RepairedOperator


@pytest.mark.filterwarnings("ignore:Kubernetes version:UserWarning")
@pytest.mark.parametrize("kind", [Operator, RepairedOperator])
def test_a_site_answers_by_its_name(namespace, kind):
    operator = kind(namespace.clients.kr8s())
    operator.start()
    try:
        namespace.apply(
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": "shop", "labels": {"site": "true"}},
                "data": {"replicas": "2"},
            }
        )
        while not namespace.list("services"):
            time.sleep(0.01)
        namespace.wait_ready()
        answer = namespace.run("curl -sS --max-time 5 http://shop/", check=False)
        assert answer.code == 0, answer.stderr
    finally:
        operator.stop()
