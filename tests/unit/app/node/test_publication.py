"""A node agent's updates of a Pod's status while others change it."""

import asyncio
import copy
from typing import Any

from fairlead.app.node.publication import Publication
from fairlead.drivers.kube.troubles import Troubles
from fairlead.model.decode import decode
from fairlead.nodeagent.manifest import RunPod


class Api:
    """Keeps one Pod; ``interrupt`` is called once, after a write has taken effect and before it is answered."""

    troubles = Troubles("https://fake", "a test")

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


def test_foreign_status_changes_during_a_write_are_overwritten():
    """Their word may be heard on the watch before the answer that is older than it."""
    ours = {"conditions": [{"type": "Ready", "status": "False", "lastTransitionTime": None}]}

    async def scenario():
        api = Api()
        publication = Publication(api, decode(RunPod, api.document), lambda _: ours, lambda: None)

        def others():
            contrary = [{**condition, "status": "True"} for condition in ours["conditions"]]
            publication.observe(decode(RunPod, api.change({"conditions": contrary})))

        api.interrupt = others
        await publication.publish()
        ready = next(c for c in api.document["status"]["conditions"] if c["type"] == "Ready")
        assert (ready["status"], api.patches) == ("False", 2)

    asyncio.run(scenario())
