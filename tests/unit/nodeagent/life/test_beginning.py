"""The beginning of lives, from the status that an earlier agent published."""

from fairlead.model.decode import decode
from fairlead.nodeagent.life.beginning import begin
from fairlead.nodeagent.manifest import RunPod
from fairlead.nodeagent.records import CREATING, Terminated

THEN = "2026-01-01T00:00:00Z"
END = {"exitCode": 0, "reason": "Completed", "startedAt": THEN, "finishedAt": THEN}


def test_each_kind_of_container_begins_where_it_was_left():
    spec = {
        "restartPolicy": "OnFailure",
        "containers": [{"name": "main"}],
        "initContainers": [{"name": "first"}, {"name": "side", "restartPolicy": "Always"}],
        "ephemeralContainers": [{"name": "look"}, {"name": "new"}],
    }
    ended = [{"name": name, "state": {"terminated": END}} for name in ("first", "look")]
    status = {"initContainerStatuses": ended[:1], "ephemeralContainerStatuses": ended[1:]}
    pod = begin(decode(RunPod, {"metadata": {"name": "a"}, "spec": spec, "status": status}), "a_b(c)")
    done = Terminated(0, "Completed", THEN, THEN)
    assert [(each.name, each.policy, each.record.state) for each in pod.containers] == [
        ("first", "OnFailure", done),
        ("side", "Always", CREATING),
        ("main", "OnFailure", CREATING),
        ("look", "Never", done),
        ("new", "Never", CREATING),
    ]
