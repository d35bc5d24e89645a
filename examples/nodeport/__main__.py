"""NodePort from outside: who answers at which node's address, and which client the Pod sees, for both policies.

The outside is 203.0.113.10; the nodes are 192.168.64.11 and .12; the one Pod runs on node-1.
"""

from examples.lab import HERE, OUTSIDE, Step, run

NODES = {"node-1": "192.168.64.11", "node-2": "192.168.64.12"}
ASK = "curl -sS --max-time 2 http://{}:30080/ 2>&1 | grep -E '^(pod|node|client|curl)'"


def ask(where: str, node: str, meaning: str, until: str = "") -> Step:
    return Step(where, ASK.format(NODES[node]), meaning, until)


STEPS = (
    Step(HERE, "kubectl get service web -o wide", "One port number, the same on every node."),
    ask(
        OUTSIDE,
        "node-1",
        "Policy Cluster, on the node where the Pod is: it sees the node, not who asked.",
        "pod: web-0",
    ),
    ask(
        OUTSIDE,
        "node-2",
        "A node without a Pod passes the connection on, under its own address so that the reply comes back.",
        "pod: web-0",
    ),
    Step(
        HERE,
        "for ip in $(kubectl get service web -o jsonpath={.spec.clusterIP}) "
        "$(kubectl get pod web-0 -o jsonpath={.status.podIP}); "
        "do fairlead run --name nodeport --outside -- curl -sS --max-time 1 http://$ip/; done",
        "From outside there is no way to the virtual IP or to the Pod itself.",
    ),
    Step(
        HERE,
        """kubectl patch service web -p '{"spec": {"externalTrafficPolicy": "Local"}}'""",
        "From now on a node gives what comes from outside to its own Pods or to nobody.",
    ),
    ask(
        OUTSIDE,
        "node-1",
        "Policy Local: the Pod sees who asked, for nothing needs to be rewritten.",
        "client: 203.0.113.10:",
    ),
    ask(OUTSIDE, "node-2", "No Pod here, no answer: packets are dropped, so that a load balancer can tell.", "curl"),
    ask(
        "client", "node-2", "From a Pod the same address answers: traffic from inside is not held to the policy.", "pod"
    ),
    Step(
        "node/node-1",
        "curl -sS --max-time 1 http://127.0.0.1:30080/",
        "Loopback is no address of the node's: with nftables, kube-proxy too leaves it alone.",
    ),
)
IDEAS = (
    "fairlead run --name nodeport --outside -- curl http://192.168.64.12:30080/",
    'kubectl run web-1 --image=fairlead/echo --labels=app=web --overrides=\'{"spec": {"nodeName": "node-2"}}\'',
    "fairlead exec --name nodeport --node node-2 -- nft list ruleset",
)

if __name__ == "__main__":
    run("nodeport", STEPS, IDEAS)
