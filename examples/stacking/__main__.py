"""One Service, changed by kubectl through all types and back: what is kept and allocated, what DNS says, who answers.

After each change every address that the Service ever had is asked, so that one sees what was given back.
"""

import json
import re
from collections.abc import Iterable
from typing import NamedTuple

from examples.lab import HERE, Lab, Step, lab_of

NODE = "192.168.64.11"  # node-1
NAME = "web.default.svc.cluster.local"
COLUMNS = (
    "TYPE:.spec.type,CLUSTER-IP:.spec.clusterIP,NODE-PORT:.spec.ports[*].nodePort,"
    "LOAD-BALANCER:.status.loadBalancer.ingress[*].ip,EXTERNAL-NAME:.spec.externalName"
)
IDEAS = (
    "kubectl edit service web",
    "kubectl get service web -w",
    "fairlead exec --name stacking --node node-1 -- nft list ruleset",
)


class Change(NamedTuple):
    """A patch of the Service.

    Attributes:
        until: a pattern in what kubectl shows of the Service when its controllers have had their turn.
        spec, names, answers: a line each on the object, on DNS, and on who answers after it.
    """

    patch: str
    until: str
    spec: str
    names: str
    answers: str


CHANGES = (
    Change(
        '{"spec": {"type": "NodePort"}}',
        r"NodePort .* 3\d{4} ",
        "The virtual IP is kept; a node port is added.",
        "The name means the virtual IP, as before: no type changes that.",
        "Every node's address answers at the node port; the virtual IP answers as before.",
    ),
    Change(
        '{"spec": {"type": "LoadBalancer"}}',
        r"LoadBalancer .* 192\.168\.65\.\d+ ",
        "Virtual IP and node port are kept; the load-balancer controller adds an address from its pool.",
        "Still the virtual IP: the load balancer's address is for outside, and in no name of the cluster.",
        "All three answer, the new address at the Service's own port.",
    ),
    Change(
        '{"spec": {"type": "NodePort"}}',
        "NodePort .* <none> ",
        "One step down: the load balancer's address is given back, the rest is kept.",
        "The virtual IP.",
        "What was given back no longer answers; the rest does.",
    ),
    Change(
        '{"spec": {"type": "ExternalName", "externalName": "web.example.com"}}',
        "ExternalName .* web.example.com",
        "An alias has no virtual IP and no node port: both are given back, and anybody may have them now.",
        "The name is an alias; a client that kept the old address holds it for the TTL, 30 s.",
        "Nothing answers: an alias is a matter of DNS alone.",
    ),
    Change(
        '{"spec": {"type": "ClusterIP", "externalName": null}}',
        r"ClusterIP +10\.96\.",
        "Back at the start, with a new virtual IP.",
        "The name means the new one.",
        "The new address answers and the first one does not: who wants to keep it must ask for it in spec.clusterIP.",
    ),
)


def main() -> None:
    with lab_of("stacking", IDEAS) as lab:
        lab.show(object_step("A virtual IP, and nothing else.", "ClusterIP"))
        seen = addresses(lab)
        lab.show(answers_step(seen, seen, "One of the Pods answers at the virtual IP."))
        for change in CHANGES:
            lab.show(Step(HERE, f"kubectl patch service web -p '{change.patch}'"))
            lab.show(object_step(change.spec, change.until))
            now = addresses(lab)
            seen += [address for address in now if address not in seen]
            lab.show(Step("client", f"dig +noall +answer {NAME}", change.names, names_pattern(now)))
            lab.show(answers_step(seen, now, change.answers))


def object_step(meaning: str, until: str) -> Step:
    return Step(HERE, f"kubectl get service web -o custom-columns={COLUMNS}", meaning, until)


def answers_step(asked: Iterable[str], answering: Iterable[str], meaning: str) -> Step:
    """Ask every address, until just the ones that should answer do."""
    loop = 'for at in {}; do echo "$at $(curl -sS --max-time 1 http://$at/hostname 2>&1)"; done'
    lines = (f"^{re.escape(address)} {'web-' if address in answering else 'curl'}.*\n" for address in asked)
    return Step("client", loop.format(" ".join(asked)), meaning, "".join(lines))


def names_pattern(addresses: list[str]) -> str:
    return re.escape(addresses[0].partition(":")[0]) if addresses else "CNAME"


def addresses(lab: Lab) -> list[str]:
    """Where the Service says that it can be reached: host and port."""
    service = json.loads(lab.output(HERE, "kubectl get service web -o json"))
    spec, balancer = service["spec"], service["status"]["loadBalancer"]
    return [
        *(f"{ip}:80" for ip in spec.get("clusterIPs", [])),
        *(f"{NODE}:{port['nodePort']}" for port in spec["ports"] if "nodePort" in port),
        *(f"{ingress['ip']}:80" for ingress in balancer.get("ingress", [])),
    ]


if __name__ == "__main__":
    main()
