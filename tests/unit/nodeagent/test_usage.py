"""What a node and its Pods use, in the forms in which kubelets tell it."""

from dataclasses import replace

from prometheus_client.parser import text_string_to_metric_families

from fairlead.nodeagent.usage import (
    ContainerUse,
    FileSystem,
    Interface,
    NodeUse,
    PodUse,
    UsageMoment,
    Use,
    resource_metrics,
    summary,
)

SECOND = 1_000_000_000
THEN = "2026-01-01T00:00:00Z"
AT = 1_767_225_660 * SECOND  # a minute later
LINK = Interface("eth0", 10, 1, 20, 2)
CONTAINER = ContainerUse("web", THEN, Use(3 * SECOND, 4096, 8192, 5, 6))
POD = PodUse("n", "p", "u", THEN, Use(4 * SECOND, 5000, 9000, 7, 8), (CONTAINER,), (LINK,), processes=3)
NODE = NodeUse("node-1", THEN, Use(60 * SECOND), 1000, 400, FileSystem(100, 30, 50, 20), (LINK,))
USAGE = UsageMoment(AT, NODE, (POD,))


def test_a_summary_tells_of_the_node_its_pods_and_their_containers():
    document = summary(USAGE, None)
    node, (pod,) = document["node"], document["pods"]
    assert node["nodeName"] == "node-1"
    assert node["cpu"] == {"time": "2026-01-01T00:01:00Z", "usageCoreNanoSeconds": 60 * SECOND}
    assert (node["memory"]["workingSetBytes"], node["memory"]["availableBytes"]) == (600, 400)
    assert (node["fs"]["usedBytes"], node["fs"]["inodesUsed"]) == (70, 30)
    assert pod["podRef"] == {"name": "p", "namespace": "n", "uid": "u"}
    assert (pod["memory"]["workingSetBytes"], pod["memory"]["rssBytes"]) == (5000, 9000)
    link = {"name": "eth0", "rxBytes": 10, "rxErrors": 1, "txBytes": 20, "txErrors": 2}
    assert pod["network"] == {"time": "2026-01-01T00:01:00Z", **link, "interfaces": [link]}
    assert pod["process_stats"] == {"process_count": 3}
    (container,) = pod["containers"]
    assert (container["name"], container["startTime"]) == ("web", THEN)
    assert container["cpu"]["usageCoreNanoSeconds"] == 3 * SECOND


def test_a_pod_in_the_network_of_its_node_has_none_of_its_own():
    (pod,) = summary(replace(USAGE, pods=(replace(POD, interfaces=()),)), None)["pods"]
    assert "network" not in pod


def moved(seconds, cpu, started_at=THEN):
    container = ContainerUse("web", started_at, Use(cpu))
    return UsageMoment(AT + seconds * SECOND, NODE, (replace(POD, containers=(container,)),))


def rate(now, before):
    return summary(now, before)["pods"][0]["containers"][0]["cpu"].get("usageNanoCores")


def test_cpu_usage_is_computed_from_an_earlier_sample():
    assert rate(USAGE, None) is None
    assert rate(moved(10, 8 * SECOND), USAGE) == SECOND // 2
    assert rate(moved(10, 0, started_at="2026-01-01T00:00:30Z"), USAGE) is None  # another run of the container
    assert rate(moved(0, 8 * SECOND), USAGE) is None


def test_metrics_are_read_by_their_parser():
    families = {family.name: family for family in text_string_to_metric_families(resource_metrics(USAGE))}
    samples = {sample.name: sample for family in families.values() for sample in family.samples}
    of_pod = {"namespace": "n", "pod": "p"}
    of_container = {**of_pod, "container": "web"}
    assert samples["node_cpu_usage_seconds_total"].value == 60
    assert samples["node_memory_working_set_bytes"].value == 600
    assert (samples["pod_cpu_usage_seconds_total"].labels, samples["pod_cpu_usage_seconds_total"].value) == (of_pod, 4)
    assert samples["container_memory_working_set_bytes"].labels == of_container
    assert samples["container_memory_working_set_bytes"].value == 4096
    assert samples["container_cpu_usage_seconds_total"].timestamp == AT // SECOND
    assert samples["container_start_time_seconds"].value == AT // SECOND - 60
    assert samples["resource_scrape_error"].value == 0
    assert {name: family.type for name, family in families.items()}["container_cpu_usage_seconds"] == "counter"
