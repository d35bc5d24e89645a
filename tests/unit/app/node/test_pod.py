"""What a node agent tells the API of a Pod while others tell it something else."""

import asyncio
import copy
from typing import Any

import pytest

from fairlead.app.node.context import ContainerSettings
from fairlead.app.node.pod import PodRun, PodSettings
from fairlead.model.decode import decode
from fairlead.nodeagent.manifest import RunPod


class Api:
    """Keeps one Pod; ``interrupt`` is called once, after a write has taken effect and before it is answered."""

    def __init__(self):
        self.version, self.patches, self.interrupt = 1, 0, None
        self.document: dict[str, Any] = {
            "metadata": {"name": "p", "namespace": "default", "uid": "u", "resourceVersion": "1"},
            "spec": {"containers": [{"name": "c", "image": "busybox"}]},
        }

    def change(self, status):
        self.version += 1
        self.document["metadata"]["resourceVersion"] = str(self.version)
        self.document["status"] = status
        return copy.deepcopy(self.document)

    async def patch(self, _, patch):
        self.patches += 1
        answer = self.change(patch["status"])
        interrupt, self.interrupt = self.interrupt, None
        if interrupt:
            interrupt()
        return answer


@pytest.mark.io
def test_what_others_say_before_a_write_is_answered_does_not_stay(tmp_path):
    """Their word may be heard on the watch before the answer that is older than it."""

    async def scenario():
        api = Api()
        containers = ContainerSettings({}, {}, tmp_path, lambda: (), None)
        settings = PodSettings("node", ("192.0.2.1",), None, tmp_path, tmp_path, tmp_path, containers, None, None)
        run = PodRun(decode(RunPod, api.document), ("10.0.0.1",), settings, api)

        def others():
            ours = api.document["status"]["conditions"]
            contrary = [{**c, "status": "True"} if c["type"] == "Ready" else c for c in ours]
            run.observe(decode(RunPod, api.change({**api.document["status"], "conditions": contrary})))

        api.interrupt = others
        await run._publish()
        ready = next(c for c in api.document["status"]["conditions"] if c["type"] == "Ready")
        assert (ready["status"], api.patches) == ("False", 2)

    asyncio.run(scenario())
