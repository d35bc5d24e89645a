"""What must be so of a lab that nobody disturbs: slices, names and rules follow from its Services and Pods alone."""

import json
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from tests.support.labs import Lab

ASKING = Path(__file__).with_name("asking.py").read_text()
LISTINGS = {"node-1": ("nft", "list", "ruleset"), "node-2": ("iptables-save",)}
VIRTUAL = re.compile(r"\b10\.96\.\d+\.\d+\b(?!/16)")


def everything_is_true(lab: Lab, names: Collection[str]) -> int:
    """How many statements were held against the lab.

    Args:
        names: of Services that may be there or not.

    Raises:
        AssertionError: one of them is not so.
    """
    services, pods = lab.get("services")["items"], lab.get("pods")["items"]
    slices = lab.get("endpointslices")["items"]
    assert all(is_ready(pod) for pod in pods if "deletionTimestamp" not in pod["metadata"]), "a Pod is not ready"
    nothing_is_given_twice(services, pods)
    no_container_has_ended(pods)
    for service in services:
        if service["spec"].get("selector"):
            name = service["metadata"]["name"]
            told, true = endpoints_told(slices, name), endpoints(service, pods)
            assert told == true, f"slices of {name} have {told}, its Pods are {true}"
    askers = [pod["metadata"]["name"] for pod in pods if pod["metadata"]["labels"].get("app") == "asker"]
    assert len(askers) == 2, f"askers: {askers}"
    rules_name_virtual_addresses(lab)
    questions = [*asked(services, pods), *vanished(services, names)]
    for asker in askers:
        answers = json.loads(lab.exec(asker, "python3", "-c", ASKING, json.dumps(questions)))
        for (what, *rest, expected), answer in zip(questions, answers, strict=True):
            assert sorted(answer) == sorted(expected), f"{asker}: {what} {rest} is {answer}, not {expected}"
    return len(services) + len(LISTINGS) + len(askers) * len(questions)


def asked(services: list[dict], pods: list[dict]) -> Iterator[list[Any]]:
    """Questions, each with its answer last: addresses of a name, or Pods behind an address and port."""
    names = {pod["status"].get("podIP", ""): pod["metadata"]["name"] for pod in pods}
    for service in services:
        name, spec = service["metadata"]["name"], service["spec"]
        if not spec.get("selector"):
            continue
        behind = endpoints(service, pods)
        headless = spec["clusterIP"] == "None"
        yield ["name", f"{name}.default.svc.cluster.local", behind if headless else [spec["clusterIP"]]]
        if not headless and spec.get("sessionAffinity") != "ClientIP":
            port = spec["ports"][0]["port"]
            yield ["address", spec["clusterIP"], port, [names[address] for address in behind]]


def vanished(services: list[dict], names: Collection[str]) -> Iterator[list[Any]]:
    """Names that have no address."""
    for name in sorted(set(names) - {service["metadata"]["name"] for service in services}):
        yield ["name", f"{name}.default.svc.cluster.local", []]


def rules_name_virtual_addresses(lab: Lab) -> None:
    """The rules of each node are about the Services that there are, and about no others."""
    specs = [service["spec"] for service in lab.get("services", "--all-namespaces")["items"]]
    true = {spec["clusterIP"] for spec in specs} - {"None"}
    for node, listing in LISTINGS.items():
        told = set(VIRTUAL.findall(lab.on_node(node, *listing)))
        assert told == true, f"rules of {node} lack {true - told} and have {told - true}"


def endpoints(service: dict, pods: list[dict]) -> list[str]:
    """Addresses of the ready Pods that a Service selects."""
    selector = service["spec"]["selector"].items()
    return sorted(
        pod["status"]["podIP"]
        for pod in pods
        if selector <= pod["metadata"]["labels"].items()
        and is_ready(pod)
        and "deletionTimestamp" not in pod["metadata"]
    )


def endpoints_told(slices: list[dict], service: str) -> list[str]:
    mine = [each for each in slices if each["metadata"]["labels"].get("kubernetes.io/service-name") == service]
    return sorted(
        address
        for each in mine
        for endpoint in each["endpoints"] or ()
        if endpoint["conditions"]["ready"]
        for address in endpoint["addresses"]
    )


def is_ready(pod: dict) -> bool:
    conditions = pod.get("status", {}).get("conditions") or ()
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def nothing_is_given_twice(services: list[dict], pods: list[dict]) -> None:
    given = [pod["status"]["podIP"] for pod in pods if pod["status"].get("podIP")]
    given += [service["spec"]["clusterIP"] for service in services if service["spec"]["clusterIP"] != "None"]
    given += [port["nodePort"] for service in services for port in service["spec"]["ports"] if "nodePort" in port]
    twice = {each for each in given if given.count(each) > 1}
    assert not twice, f"given twice: {twice}"


def no_container_has_ended(pods: list[dict]) -> None:
    """Nobody kills containers but those of name servers, which are in another namespace."""
    for pod in pods:
        for status in pod["status"].get("containerStatuses") or ():
            assert not status["restartCount"], f"{pod['metadata']['name']}: {status}"
