"""Which rules does a NodePort get? Rule by rule, with counters before and after a real request, in both back ends.

node-1 (192.168.64.11) has nft's rules, node-2 (192.168.64.12) those of iptables; a Pod runs on each.
"""

from examples.lab import HERE, Step, run

COUNT = "python -m examples.nodeport_rules.count nodeport-rules {} {}"
NFT, IPTABLES = ("node-1", "192.168.64.11"), ("node-2", "192.168.64.12")


def rules(node: str, meaning: str) -> Step:
    return Step(HERE, f"fairlead rules --node {node} --service default/web", meaning, "web:http")


def count(where: tuple[str, str], meaning: str, until: str) -> Step:
    return Step(HERE, COUNT.format(*where), meaning, until)


STEPS = (
    Step(HERE, "fairlead status", "One lab, both kinds of rules.", "iptables on node-2"),
    rules("node-1", "With nft: elements of maps, and chains that many Services share."),
    count(
        NFT,
        "Policy Cluster: the packet is marked, an endpoint of any node drawn, and its source hidden behind the node.",
        "node-ports.*\n(.*\n)*0 -> [1-9]+ +hide-source ",  # the last rule: the trace is whole
    ),
    rules(
        "node-2", "With iptables: kube-proxy's chains. KUBE-NODEPORTS leads to KUBE-EXT, that to KUBE-SVC and KUBE-SEP."
    ),
    count(
        IPTABLES,
        "The same way: KUBE-NODEPORTS, KUBE-EXT (mark), KUBE-SVC (draw), KUBE-SEP (translate), KUBE-POSTROUTING.",
        "0 -> [1-9].*DNAT",
    ),
    Step(
        HERE,
        """kubectl patch service web -p '{"spec": {"externalTrafficPolicy": "Local"}}'""",
        "From now on what comes from outside stays on the node that it came to.",
    ),
    rules(
        "node-1", "A chain of its own: Pods and the node may go to any endpoint, the world outside to this node's only."
    ),
    count(
        NFT,
        "Policy Local: no mark and no masquerade, so the Pod sees who asked.",
        "external-node-port.*\n(.*\n)*.*jump hide-source",
    ),
    rules("node-2", "KUBE-EXT now leads to KUBE-SVL, which has this node's endpoints only."),
    count(
        IPTABLES,
        "The same way: KUBE-EXT past the rules for Pods and for the node, KUBE-SVL, KUBE-SEP.",
        "0 -> [1-9].*KUBE-SVL",
    ),
)
IDEAS = (
    "fairlead exec --name nodeport-rules --node node-1 -- nft list table ip fairlead",
    "fairlead exec --name nodeport-rules --node node-2 -- iptables-save -c",
    COUNT.format(*NFT),
)

if __name__ == "__main__":
    run("nodeport_rules", STEPS, IDEAS)
