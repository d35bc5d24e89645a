"""LoadBalancer without a cloud: the address, which nodes serve it, source ranges, and the death of a node.

The outside is 203.0.113.10; the address comes from the lab's pool, 192.168.65.0/24.
"""

import re

from examples.lab import HERE, OUTSIDE, Lab, Step, lab_of

IDEAS = (
    "kubectl describe service web",
    "fairlead run --name loadbalancer --outside -- ip route",
    "fairlead status",
)


def main() -> None:
    with lab_of("loadbalancer", IDEAS) as lab:
        output = lab.show(
            Step(
                HERE, "kubectl get service web", "An address at once, and a node port beside it.", r"192\.168\.65\.\d+"
            )
        )
        address = re.search(r"192\.168\.65\.\d+", output)[0]
        node = show_policies(lab, address)
        show_source_ranges(lab, address)
        show_death_of_a_node(lab, address, node)


def show_policies(lab: Lab, address: str) -> str:
    """The node whose Pod has answered under policy Local."""
    lab.show(
        ask(address, "From outside, policy Cluster: any Pod answers, and sees a node instead of the client.", "pod")
    )
    lab.show(
        Step(
            OUTSIDE,
            f"ip route show {address}",
            "The address is on no interface: the world outside has equal routes to all nodes that serve it.",
            "(?s)(nexthop.*){2}",
        )
    )
    lab.show(patch('{"externalTrafficPolicy": "Local"}', "Only nodes that have a Pod serve the address now."))
    local = ask(address, "Policy Local: a Pod of the node that is chosen; it sees the client.", "client: 203.0.113.10:")
    node = re.search("node: (.*)", lab.show(local))[1]
    health = "$(kubectl get service web -o jsonpath={.spec.healthCheckNodePort})"
    probe = f"fairlead run --name loadbalancer --outside -- curl -sS http://192.168.64.11:{health}/healthz"
    lab.show(
        Step(
            HERE,
            probe,
            "A load balancer of another make asks each node this, to know which ones have Pods.",
            "localEnd",
        )
    )
    return node


def show_source_ranges(lab: Lab, address: str) -> None:
    lab.show(patch('{"loadBalancerSourceRanges": ["198.51.100.0/24"]}', "Only this network may use the address."))
    lab.show(ask(address, "Others are not answered.", "curl"))
    lab.show(patch('{"loadBalancerSourceRanges": null}', "Everybody may."))
    lab.show(ask(address, "And so it is.", "pod"))


def show_death_of_a_node(lab: Lab, address: str, node: str) -> None:
    lab.show(Step(HERE, f"fairlead node stop --name loadbalancer {node}", "A node that serves it loses power."))
    lab.show(
        ask(
            address,
            "All go to the other one now, before Kubernetes has noticed that the node is gone.",
            rf"node: (?!{node})",
        )
    )
    lab.show(Step(HERE, "kubectl get nodes", "A node is missed after 40 s without a sign of life."))


def ask(address: str, meaning: str, until: str) -> Step:
    command = f"curl -sS --max-time 1 http://{address}/ 2>&1 | grep -E '^(pod|node|client|curl)'"
    return Step(OUTSIDE, command, meaning, until)


def patch(spec: str, meaning: str) -> Step:
    return Step(HERE, f"kubectl patch service web -p '{{\"spec\": {spec}}}'", meaning)


if __name__ == "__main__":
    main()
