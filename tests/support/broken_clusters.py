"""Broken clusters with their true causes, the first of them first, and healthy ones that look odd.

Each is written as somebody meets it: the objects of a dump, and what was seen beside them. Some are in disguise: what
shows first is another failure than the cause.
"""

from dataclasses import dataclass, field
from pathlib import Path

from fairlead.explain.observations import CONNTRACK, LOG, NFT, RESOLV_CONF, SOCKETS, Observation
from tests.support.cluster_dumps import (
    DNS_POD,
    NODES,
    changed,
    cluster,
    container,
    endpoint_slice,
    event,
    external_name,
    headless,
    node,
    pod,
    policy,
    service,
    sliced,
    system,
    web,
    workload,
)


@dataclass(frozen=True)
class Case:
    """A cluster and the codes of what is wrong with it, the true cause first; none for a healthy one."""

    name: str
    documents: list = field(repr=False)
    codes: tuple[str, ...] = ()
    seen: tuple[Observation, ...] = field(default=(), repr=False)

    @property
    def cluster(self):
        return cluster(self.documents, self.seen)

    def __str__(self):
        return self.name


def whole(*objects, without=()):
    """A cluster with these objects, their slices, and all that every cluster has but for some."""
    base = [d for d in system() if (d["kind"], d["metadata"]["name"]) not in without]
    return sliced([*base, *(d for o in objects for d in (o if isinstance(o, list) else [o]))])


def drop(documents, kind, name=None):
    return [d for d in documents if d["kind"] != kind or (name and d["metadata"]["name"] != name)]


def on_loopback(document):
    """A node as it is in a lab without namespaces."""
    return changed(document, "status.addresses", [{"type": "InternalIP", "address": "127.40.240.11"}])


def case(name, codes, *objects, seen=(), without=()):
    return Case(name, whole(*objects, without=without), tuple(codes.split()), tuple(seen))


def sockets(name, *listening):
    lines = "\n".join(f"LISTEN 0 128 {each} 0.0.0.0:*" for each in listening)
    text = f"State Recv-Q Send-Q Local Address:Port\n{lines}\n"
    return Observation(SOCKETS, ("default", name, "ss.txt"), text, f"ss of {name}")


def log(name, *lines):
    return Observation(LOG, ("kube-system", name, "logs.txt"), "\n".join(lines), f"log of {name}")


def rules(text, name="node-1"):
    return Observation(NFT, (name, "nft.txt"), text, f"nft on {name}")


def conntrack(*lines):
    return Observation(CONNTRACK, ("node-1", "conntrack.txt"), "\n".join(lines), "conntrack on node-1")


def client(url="", node="node-2", namespace="default", labels=None, **spec):
    variables = [{"name": "URL", "value": url}] if url else []
    own = container("shop/client:1", (), env=variables)
    return pod("client", labels or {"app": "client"}, node, namespace=namespace, containers=[own], **spec)


def space(name, **labels):
    return {"kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def probing(pods, message="Readiness probe failed: HTTP probe failed with statuscode: 503"):
    """Pods that are not ready, with the probe's own words."""
    return [*pods, *(event(p, "Unhealthy", message) for p in pods)]


def waiting(reason, message=""):
    return {"containerStatuses": [{"name": "main", "state": {"waiting": {"reason": reason, "message": message}}}]}


PENDING = {
    "phase": "Pending",
    "conditions": [
        {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/2 nodes: insufficient cpu"}
    ],
}
NAMED = [container(ports=(("http", 8080),))]
NODE_PORT = {"type": "NodePort", "ports": ((80, 8080, "http", "TCP", 30080),)}
LOCAL = {"externalTrafficPolicy": "Local", **NODE_PORT}
UNREADY = {"ready": False}
CRASHING = {**UNREADY, "status": waiting("CrashLoopBackOff", "back-off 5m0s restarting failed container")}
DENY_ALL = policy("deny-all", policyTypes=["Ingress"])
ALLOW_DNS_ONLY = policy(
    "only-dns", {"app": "client"}, policyTypes=["Egress"], egress=[{"ports": [{"port": 53, "protocol": "UDP"}]}]
)
DB = workload("StatefulSet", "db", 2, {"app": "db"}, serviceName="db")
DB_PODS = [pod(f"db-{n}", {"app": "db"}, owner=("StatefulSet", "db")) for n in range(2)]
PEERS = [
    pod(
        f"db-{n}",
        {"app": "db"},
        owner=("StatefulSet", "db"),
        ready=False,
        hostname=f"db-{n}",
        subdomain="db",
        containers=[container("shop/db:1", args=["--join", "db-0.db:8080,db-1.db:8080"])],
    )
    for n in range(2)
]
DNS_ADDRESS = pod("coredns-1", namespace="kube-system")["status"]["podIP"]
KUBE_PROXY_NFT = (
    "table ip kube-proxy {\n map service-ips { 10.96.0.2 . tcp . 53 : goto x }\n 10.96.0.10 10.244.1.3 }\n"
    + DNS_ADDRESS
)
DNS_DOWN = ("Pod", "coredns-1")
FLOW = (
    "udp 17 29 src=10.244.2.9 dst=10.96.0.20 sport=4000 dport=53 src={} dst=10.244.2.9 sport=5353 dport=4000 [ASSURED]"
)
DNS_PORTS = (("dns", 53, "UDP"), ("dns-tcp", 53, "TCP"))
UDP = ((53, 5353, "dns", "UDP"),)
UDP_PODS = [pod("web-0", ip="10.244.1.9", containers=[container(ports=(("dns", 5353, "UDP"),))])]

BALANCED = service(type="LoadBalancer", status={"loadBalancer": {"ingress": [{"ip": "172.16.0.9"}]}})
SESSION_DOWN = event(node("node-1"), "BGPSessionDown", "no BGP session with 192.168.0.254: Hold Timer Expired")
SESSION_DOWN["involvedObject"] = {"kind": "Node", "name": "node-1"}
SESSION_UP = [
    {**SESSION_DOWN, "metadata": {"name": "a"}, "lastTimestamp": "2026-01-01T00:00:00Z"},
    {
        **SESSION_DOWN,
        "metadata": {"name": "b"},
        "lastTimestamp": "2026-01-01T00:00:05Z",
        "reason": "BGPSessionUp",
        "message": "BGP session with 192.168.0.254 is up: established",
    },
]
KUBE_PROXY = (Path(__file__).parent / "rule_dumps/kube_proxy_nft.txt").read_text()
CLOSED = """table inet filter {
	chain forward {
		type filter hook forward priority 0; policy drop;
		ct state established,related accept
	}
}
"""
THE_THREE = [
    pod(f"web-{n}", ip=ip, node=f"node-{ip[7]}") for n, ip in enumerate(("10.244.1.3", "10.244.2.4", "10.244.2.5"))
]

BROKEN = [
    case(
        "node port behind a closed firewall",
        "firewall-blocks",
        service(**NODE_PORT),
        THE_THREE,
        seen=[rules(KUBE_PROXY + CLOSED + f"# {DNS_ADDRESS} 10.96.0.2")],
    ),
    # --- the selector, and what is behind it
    case("selector with a slip", "selector-nothing", service(selector={"app": "wbe"}), web()),
    case("selector with another case", "selector-nothing", service(selector={"app": "Web"}), web()),
    case("selector under another key", "selector-nothing", service(selector={"app.kubernetes.io/name": "web"}), web()),
    case(
        "selector with one label too many", "selector-nothing", service(selector={"app": "web", "tier": "front"}), web()
    ),
    case("selector that nothing resembles", "selector-nothing", service(selector={"role": "qx"}), web()),
    case("Pods in another Namespace", "selector-elsewhere", service(), space("shop"), pod("web-0", namespace="shop")),
    case("Deployment scaled to 0", "no-pods", service(), workload("Deployment", "web", 0)),
    case(
        "quota refuses the Pods",
        "no-pods",
        service(),
        workload("Deployment", "web"),
        event(workload("ReplicaSet", "web-5d9"), "FailedCreate", "exceeded quota: pods"),
    ),
    case(
        "two applications behind one selector",
        "mixed-applications",
        service(),
        web(1, owner=("ReplicaSet", "web-1")),
        pod("api-0", {"app": "web", "part": "api"}, containers=[container("shop/api:1", (9000,))]),
    ),
    # --- Pods that are not ready
    case("readiness probe fails", "pods-not-ready", service(), probing(web(**UNREADY))),
    case("containers crash", "pods-not-ready", service(), web(**CRASHING)),
    case("image cannot be pulled", "pods-not-ready", service(), web(ready=False, status=waiting("ImagePullBackOff"))),
    case("Pods cannot be scheduled", "pods-not-ready", service(), web(ready=False, ip="", status=PENDING)),
    case("one of two crashes", "pods-failing", service(), web(1), pod("web-9", **CRASHING)),
    case(
        "readiness gate of a mesh",
        "pods-not-ready",
        service(),
        web(ready=False, readinessGates=[{"conditionType": "mesh.io/ready"}]),
    ),
    case(
        "the Node is gone, which shows as Pods that are not ready",
        "node-not-ready",
        service(),
        web(1, **UNREADY),
        changed(node("node-1", False), "spec.unschedulable", True),
        without=(("Node", "node-1"),),
    ),
    case("peers wait for each other", "peers-unpublished", headless("db", selector={"app": "db"}), DB, PEERS),
    # --- as people meet them
    case(
        "selector with the hash of an old ReplicaSet",
        "selector-nothing",
        service(selector={"app": "web", "pod-template-hash": "5d9"}),
        web(labels={"app": "web", "pod-template-hash": "7c4"}),
    ),
    case(
        "selector of a chart's other release",
        "selector-nothing",
        service(selector={"app.kubernetes.io/name": "web", "app.kubernetes.io/instance": "prod"}),
        web(labels={"app.kubernetes.io/name": "web", "app.kubernetes.io/instance": "release"}),
    ),
    case(
        "selector with a label of the Deployment, not of its Pods",
        "selector-nothing",
        service(selector={"tier": "front"}),
        changed(workload("Deployment", "web"), "metadata.labels", {"tier": "front"}),
        web(),
    ),
    case(
        "all Pods were evicted",
        "pods-not-ready",
        service(),
        pod(
            "web-1", ready=False, status={"phase": "Failed", "reason": "Evicted", "message": "low on resource: memory"}
        ),
    ),
    case(
        "all Pods have completed", "pods-not-ready", service(), pod("web-1", ready=False, status={"phase": "Succeeded"})
    ),
    case(
        "all Pods are on their way out",
        "pods-not-ready",
        service(),
        [changed(p, "metadata.deletionTimestamp", "2026-01-01T00:00:00Z") for p in web(**UNREADY)],
    ),
    case(
        "containers wait for a ConfigMap",
        "pods-not-ready",
        service(),
        web(ready=False, status=waiting("CreateContainerConfigError", 'configmap "web" not found')),
    ),
    case(
        "Pods wait in an init container",
        "pods-not-ready",
        service(),
        web(
            ready=False,
            status={"phase": "Pending", "initContainerStatuses": [{"name": "wait", "state": {"running": {}}}]},
        ),
    ),
    case(
        "port is named in one of two Deployments",
        "target-port-unnamed",
        service(ports=((80, "http"),)),
        web(1, containers=NAMED),
        pod("web-9", owner=("ReplicaSet", "web-2")),
    ),
    case(
        "two ports to one wrong target",
        "target-port-undeclared",
        service(ports=((80, 9090, "a"), (81, 9090, "b"))),
        web(),
    ),
    case(
        "two wrong targets",
        "target-port-undeclared target-port-undeclared",
        service(ports=((80, 9090, "a"), (81, 9091, "b"))),
        web(),
    ),
    case(
        "nothing listens at all, seen",
        "listens-elsewhere",
        service(ports=((80, 8080, "a"), (81, 8081, "b"))),
        web(1, containers=[container(ports=(8080, 8081))]),
        seen=[sockets("web-0")],
    ),
    case(
        "development server that nobody told where to listen",
        "listens-on-loopback",
        service(ports=((80, 5000),)),
        web(containers=[container(ports=(5000,), args=["flask", "run"])]),
    ),
    case(
        "address without an option",
        "listens-on-loopback",
        service(ports=((80, 8000),)),
        web(containers=[container(ports=(8000,), command=["python", "manage.py", "runserver", "127.0.0.1:8000"])]),
    ),
    case(
        "loopback in a line for a shell",
        "listens-on-loopback",
        service(),
        web(containers=[container(command=["sh", "-c", "uvicorn app:app --host 127.0.0.1 --port 8080"])]),
    ),
    case(
        "short option with loopback",
        "listens-on-loopback",
        service(),
        web(containers=[container(command=["gunicorn", "-b", "127.0.0.1:8080", "app"])]),
    ),
    case(
        "Endpoints without addresses",
        "no-endpoints-written",
        service(selector={}),
        {"kind": "Endpoints", "metadata": {"name": "web", "namespace": "default"}, "subsets": []},
    ),
    case(
        "slice by hand without a ready endpoint",
        "no-endpoints-written",
        service(selector={}),
        endpoint_slice("web", [{"addresses": ["10.1.1.1"], "conditions": {"ready": False}}]),
    ),
    case(
        "name in another cluster domain", "name-unknown", service(), web(), client("http://web.default.svc.k8s.local")
    ),
    case("node port on localhost", "node-port-address", service(**NODE_PORT), web(), client("http://localhost:30080")),
    case(
        "policy that opens DNS over TCP only",
        "policy-blocks-dns",
        service(),
        web(),
        client("http://web"),
        policy(
            "out",
            {"app": "client"},
            policyTypes=["Egress"],
            egress=[{"to": [{"podSelector": {}}]}, {"ports": [{"port": 53, "protocol": "TCP"}]}],
        ),
    ),
    case(
        "policy that opens the Service's port, not the Pods'",
        "policy-isolates",
        service(),
        web(),
        client("http://web"),
        policy("web", {"app": "web"}, ingress=[{"ports": [{"port": 80}]}]),
    ),
    case(
        "policy for virtual IPs",
        "policy-blocks",
        service(),
        web(),
        client("http://web"),
        policy(
            "out",
            {"app": "client"},
            policyTypes=["Egress"],
            egress=[{"to": [{"ipBlock": {"cidr": "10.96.0.0/16"}}]}, {"ports": [{"port": 53, "protocol": "UDP"}]}],
        ),
    ),
    case(
        "policy whose Namespace lacks the label",
        "policy-blocks",
        space("front"),
        service(),
        web(),
        client("http://web.default", namespace="front"),
        policy("web", {"app": "web"}, ingress=[{"from": [{"namespaceSelector": {"matchLabels": {"name": "front"}}}]}]),
    ),
    case("node without a proxy", "proxy-down", service(), web(), without=[("Pod", "kube-proxy-2")]),
    # --- ports
    case(
        "targetPort by a name with a slip", "target-port-unnamed", service(ports=((80, "htp"),)), web(containers=NAMED)
    ),
    case("targetPort by a name that nobody gave", "target-port-unnamed", service(ports=((80, "http"),)), web()),
    case("targetPort of another container port", "target-port-undeclared", service(ports=((80, 80),)), web()),
    case(
        "UDP for TCP",
        "protocol-mismatch",
        service(ports=((53, 5353),)),
        web(containers=[container(ports=(("d", 5353, "UDP"),))]),
    ),
    case(
        "listens on loopback, seen", "listens-on-loopback", service(), web(1), seen=[sockets("web-0", "127.0.0.1:8080")]
    ),
    case("listens on another port, seen", "listens-elsewhere", service(), web(1), seen=[sockets("web-0", "*:3000")]),
    case(
        "listens on loopback, by its arguments",
        "listens-on-loopback",
        service(),
        web(containers=[container(args=["--host", "127.0.0.1", "--port", "8080"])]),
    ),
    case(
        "listens on loopback, which shows as a probe that fails",
        "pods-not-ready listens-on-loopback",
        service(),
        probing(
            web(containers=[container(env=[{"name": "BIND_ADDRESS", "value": "127.0.0.1"}])], **UNREADY), "refused"
        ),
    ),
    # --- StatefulSets and headless Services
    case("serviceName of nobody", "stateful-service-missing", DB, DB_PODS),
    case(
        "governing Service with a virtual IP",
        "stateful-service-not-headless",
        service("db", selector={"app": "db"}),
        DB,
        DB_PODS,
    ),
    case("governing Service of other Pods", "stateful-service-other", headless("db"), web(), DB, DB_PODS),
    case("headless with affinity", "headless-balancing", headless(sessionAffinity="ClientIP"), web()),
    case("client of a headless Service uses its port", "headless-port", headless(), web(), client("http://web:80")),
    # --- slices by hand
    case("no selector, no slice", "no-endpoints-written", service(selector={})),
    case(
        "slice without the label",
        "slice-unlabelled",
        service(selector={}),
        changed(endpoint_slice("", ["10.1.1.1"]), "metadata.name", "web-1"),
    ),
    case(
        "slice with another port name",
        "slice-port-mismatch",
        service(selector={}, ports=((80, 80, "http"),)),
        endpoint_slice("web", ["10.1.1.1"]),
    ),
    case("slice with loopback", "slice-bad-address", service(selector={}), endpoint_slice("web", ["127.0.0.1"])),
    case(
        "slice with loopback of another lab",
        "slice-bad-address",
        service(selector={}),
        endpoint_slice("web", ["127.41.1.2"]),
        on_loopback(node("node-1")),
        without=(("Node", "node-1"),),
    ),
    case("slice with a virtual IP", "slice-bad-address", service(selector={}), endpoint_slice("web", ["10.96.0.2"])),
    case("slice whose label has a slip", "slice-orphan", service(), web(), endpoint_slice("wbe", ["10.1.1.1"])),
    Case(
        "slices that nobody updates",
        drop(whole(service(), web()), "EndpointSlice", None) + [d for d in whole() if d["kind"] == "EndpointSlice"],
        ("slices-behind",),
    ),
    case(
        "dual-stack Service, Pods with IPv4 only",
        "family-missing",
        service(ipFamilies=["IPv4", "IPv6"], clusterIPs=["10.96.0.10", "fd00::10"], ipFamilyPolicy="PreferDualStack"),
        web(),
    ),
    # --- exposure
    case("node port, policy Local, one node without", "local-policy-nowhere", service(**LOCAL), web(1)),
    case(
        "internal policy Local, client on another node",
        "local-policy-nowhere",
        service(internalTrafficPolicy="Local"),
        web(1),
        client("http://web"),
    ),
    case(
        "load balancer of no class that runs",
        "load-balancer-pending",
        service(type="LoadBalancer", loadBalancerClass="x.io/lb"),
        web(),
    ),
    case("load balancer without a controller", "load-balancer-pending", service(type="LoadBalancer"), web()),
    case(
        "load balancer whose pool is empty",
        "load-balancer-pending",
        service(type="LoadBalancer"),
        web(),
        event(service(), "AllocationFailed", "no available IPs in pool"),
    ),
    case(
        "load balancer address of another Service",
        "load-balancer-pending",
        service(type="LoadBalancer", loadBalancerIP="172.16.0.9"),
        service("old", "10.96.0.11", type="LoadBalancer", status={"loadBalancer": {"ingress": [{"ip": "172.16.0.9"}]}}),
        web(),
    ),
    case(
        "load balancer whose nodes are all excluded",
        "load-balancer-unannounced",
        BALANCED,
        web(),
        [node(name, labels={"node.kubernetes.io/exclude-from-external-load-balancers": ""}) for name in NODES],
        without=[("Node", name) for name in NODES],
    ),
    case(
        "load balancer of policy Local with its only Pod on an excluded node",
        "load-balancer-unannounced",
        changed(BALANCED, "spec.externalTrafficPolicy", "Local"),
        web(1),
        node("node-1", labels={"node.kubernetes.io/exclude-from-external-load-balancers": ""}),
        without=[("Node", "node-1")],
    ),
    case("BGP session that is down", "bgp-session-down", BALANCED, web(), SESSION_DOWN),
    case("external IP that is a virtual IP", "external-ip-taken", service(externalIPs=["10.96.0.2"]), web()),
    case("two Services with one virtual IP", "cluster-ip-clash", service(), service("copy"), web()),
    case(
        "two Services with one node port",
        "node-port-clash",
        service(**NODE_PORT),
        service("b", "10.96.0.12", **NODE_PORT),
        web(),
    ),
    case(
        "label of a proxy that does not run",
        "foreign-proxy",
        service(metadata={"labels": {"service.kubernetes.io/service-proxy-name": "mesh"}}),
        web(),
    ),
    case(
        "node port on a virtual IP", "port-not-served", service(**NODE_PORT), web(), client("http://10.96.0.10:30080")
    ),
    case(
        "node port on a Pod's address",
        "node-port-address",
        service(**NODE_PORT),
        web(),
        client("http://10.244.9.9:30080"),
    ),
    case(
        "port of the Service on a node",
        "node-port-address",
        service(**NODE_PORT),
        web(),
        client("http://192.168.0.2:80"),
    ),
    # --- policies
    case("policy that opens nothing", "policy-isolates", service(), web(), DENY_ALL),
    case(
        "policy that lets another client in",
        "policy-blocks",
        service(),
        web(),
        client("http://web"),
        policy("front", {"app": "web"}, ingress=[{"from": [{"podSelector": {"matchLabels": {"app": "front"}}}]}]),
    ),
    case(
        "policy of the client, in disguise of a dead server",
        "policy-blocks",
        service(),
        web(),
        client("http://web"),
        ALLOW_DNS_ONLY,
    ),
    case(
        "policy that forgets DNS",
        "policy-blocks-dns",
        service(),
        web(),
        client("http://web"),
        policy("out", {"app": "client"}, policyTypes=["Egress"], egress=[{"to": [{"podSelector": {}}]}]),
    ),
    # --- names
    case("alias that is an address", "alias-address", external_name("db", "192.0.2.7")),
    case("alias of a Service that is gone", "alias-broken", external_name("db", "dbs.default.svc.cluster.local")),
    case("TLS through an alias", "alias-tls", external_name("api", "api.example.com"), client("https://api/v1")),
    case("HTTP through an alias", "alias-host", external_name("api", "api.example.com"), client("http://api/v1")),
    case(
        "short name of another Namespace",
        "name-in-other-namespace",
        space("shop"),
        service(namespace="shop"),
        pod("web-0", namespace="shop"),
        client("http://web"),
    ),
    case("name with a slip", "name-unknown", service("orders"), web(), client("http://order")),
    case(
        "ndots 1 and a short name",
        "name-leaks",
        service(),
        web(),
        client("http://web.default", dnsConfig={"options": [{"name": "ndots", "value": "1"}]}),
    ),
    case(
        "a Namespace called com",
        "name-captured",
        space("com"),
        service("github", namespace="com"),
        pod("web-0", namespace="com"),
        client("https://github.com"),
    ),
    case("dnsPolicy Default", "name-not-asked-here", service(), web(), client("http://web", dnsPolicy="Default")),
    case("targetPort used as port", "port-not-served", service(), web(), client("http://web:8080")),
    # --- DNS, proxies, flows
    case("no DNS Service", "dns-not-there", service(), web(), without=(("Service", "kube-dns"), DNS_DOWN)),
    case(
        "DNS server waits for the API",
        "dns-down",
        service(),
        web(),
        probing(
            [
                pod(
                    "coredns-1",
                    DNS_POD,
                    ready=False,
                    namespace="kube-system",
                    containers=[container(ports=DNS_PORTS)],
                )
            ]
        ),
        without=(DNS_DOWN,),
    ),
    case(
        "DNS without servers, in disguise of clients that fail",
        "dns-down",
        service(),
        web(),
        client("http://web"),
        without=(DNS_DOWN,),
    ),
    case(
        "DNS answers SERVFAIL",
        "dns-failing",
        service(),
        web(),
        seen=[log("coredns-1", *["[ERROR] plugin/errors: 2 a. A: read udp: i/o timeout"] * 3)],
    ),
    case(
        "DNS forwards to itself",
        "dns-failing",
        service(),
        web(),
        seen=[log("coredns-1", "[FATAL] plugin/loop: Loop (127.0.0.1) detected")],
    ),
    case(
        "Pods ask another name server",
        "dns-other-server",
        service(),
        web(1),
        seen=[
            Observation(
                RESOLV_CONF, ("default", "web-0", "resolv.conf"), "nameserver 10.96.0.99\n", "resolv.conf of web-0"
            )
        ],
    ),
    case(
        "proxy that crashes",
        "proxy-down",
        service(),
        web(),
        pod("kube-proxy-9", {"k8s-app": "kube-proxy"}, namespace="kube-system", **CRASHING),
    ),
    case(
        "rules of two proxies",
        "proxy-leftovers",
        service(),
        pod("web-0", ip="10.244.1.3"),
        seen=[rules(KUBE_PROXY_NFT + "-A KUBE-SVC-XPGD46QRK7WJZT7O")],
    ),
    case(
        "proxy that is behind",
        "proxy-behind",
        service(),
        service("new", "10.96.0.77"),
        [pod("web-0", ip="10.244.1.3")],
        seen=[rules(KUBE_PROXY_NFT)],
    ),
    case(
        "stale UDP flow",
        "stale-flows",
        service(ip="10.96.0.20", ports=UDP),
        UDP_PODS,
        seen=[conntrack(FLOW.format("10.244.1.200"))],
    ),
    # --- two causes at once
    case(
        "two: selector and port name",
        "selector-nothing target-port-unnamed",
        service(selector={"app": "wbe"}, ports=((80, "htp"),)),
        web(containers=NAMED),
    ),
    case(
        "two: selector and policy Local of another",
        "selector-nothing local-policy-nowhere",
        service("api", "10.96.0.11", selector={"app": "wbe"}),
        service(**LOCAL),
        web(1),
    ),
    case("two: probe and policy", "pods-not-ready policy-isolates", service(), probing(web(**UNREADY)), DENY_ALL),
    case(
        "two: crash and port",
        "pods-not-ready target-port-unnamed",
        service(ports=((80, "htp"),)),
        web(containers=NAMED, **CRASHING),
    ),
    case(
        "two: load balancer and port",
        "target-port-unnamed load-balancer-pending",
        service(type="LoadBalancer", ports=((80, "x"),)),
        web(),
    ),
    case(
        "two: no DNS server and selector",
        "dns-down selector-nothing",
        service(selector={"app": "wbe"}),
        web(),
        without=(DNS_DOWN,),
    ),
    case(
        "two: alias and its TLS",
        "alias-address alias-tls",
        external_name("db", "192.0.2.7"),
        external_name("api", "a.example.com"),
        client("https://api"),
    ),
    case(
        "two: node and selector",
        "node-not-ready selector-nothing",
        service(),
        service("api", "10.96.0.11", selector={"app": "wbe"}),
        web(1, **UNREADY),
        node("node-1", False),
        without=(("Node", "node-1"),),
    ),
    case(
        "two: governing Service and probe",
        "stateful-service-not-headless pods-not-ready",
        service("db", selector={"app": "db"}),
        DB,
        probing([pod("db-0", {"app": "db"}, **UNREADY)]),
    ),
    case(
        "two: policy and name",
        "policy-isolates name-unknown",
        service("orders"),
        web(),
        DENY_ALL,
        client("http://order"),
    ),
    case(
        "two: loopback and flows",
        "listens-on-loopback stale-flows",
        service(),
        service("dns", "10.96.0.20", UDP, {"app": "dns"}),
        web(1),
        pod("dns-0", {"app": "dns"}, containers=[container(ports=(("d", 5353, "UDP"),))]),
        seen=[sockets("web-0", "127.0.0.1:8080"), conntrack(FLOW.format("10.244.1.200"))],
    ),
    case(
        "two: slice and external IP",
        "external-ip-taken slice-port-mismatch",
        service(selector={}, ports=((80, 80, "http"),), externalIPs=["10.96.0.2"]),
        endpoint_slice("web", ["10.1.1.1"]),
    ),
    case(
        "two: proxy and port",
        "proxy-down port-not-served",
        service(),
        web(),
        client("http://web:8080"),
        pod("kube-proxy-9", {"k8s-app": "kube-proxy"}, namespace="kube-system", **CRASHING),
    ),
]

HEALTHY = [
    case(
        "a lab without namespaces",
        "",
        service(selector={}),
        endpoint_slice("web", ["127.40.1.2"]),
        on_loopback(node("node-1")),
        without=(("Node", "node-1"),),
    ),
    case(
        "node port behind an open firewall",
        "",
        service(**NODE_PORT),
        THE_THREE,
        seen=[rules(KUBE_PROXY + CLOSED.replace("policy drop", "policy accept") + f"# {DNS_ADDRESS} 10.96.0.2")],
    ),
    case("plain", "", service(), web(), client("http://web")),
    case(
        "headless without selector, slices by hand",
        "",
        headless(selector={}),
        endpoint_slice("web", ["10.1.1.1"], (("", 9),)),
    ),
    case("endpoint outside the cluster", "", service(selector={}), endpoint_slice("web", ["198.51.100.7"])),
    Case(
        "primary that its Pod chooses as it runs, in manifests",
        [
            changed(workload("StatefulSet", "db", labels={"app": "db", "role": "replica"}), "metadata.uid", None),
            headless("db", selector={"app": "db"}),
            service("db-primary", selector={"app": "db", "role": "primary"}),
        ],
    ),
    case(
        "name in the Pod's own hosts file",
        "",
        service("orders"),
        web(),
        client("http://order:80", hostAliases=[{"ip": "192.0.2.7", "hostnames": ["order"]}]),
    ),
    case(
        "own sidecar on localhost",
        "",
        service(),
        web(containers=[container(env=[{"name": "DB_HOST", "value": "localhost"}])]),
    ),
    case(
        "node port on a node's outer address",
        "",
        service(**NODE_PORT),
        web(),
        client("http://198.51.100.7:30080"),
        changed(
            node("node-1"),
            "status.addresses",
            [{"type": "InternalIP", "address": "192.168.0.2"}, {"type": "ExternalIP", "address": "198.51.100.7"}],
        ),
        without=[("Node", "node-1")],
    ),
    case(
        "upstream of a sidecar on loopback",
        "",
        service(ports=((80, 8443),)),
        web(
            containers=[
                container(
                    "rbac-proxy:1",
                    (8443,),
                    "proxy",
                    args=["--upstream=http://127.0.0.1:8080/", "--upstream=127.0.0.1:8443"],
                )
            ]
        ),
    ),
    case(
        "development server that was told where to listen",
        "",
        service(ports=((80, 5000),)),
        web(
            containers=[
                container(ports=(5000,), args=["flask", "run"], env=[{"name": "FLASK_RUN_HOST", "value": "0.0.0.0"}])
            ]
        ),
    ),
    case(
        "server with a configuration file",
        "",
        service(ports=((80, 8000),)),
        web(containers=[container(ports=(8000,), command=["gunicorn", "-c", "/etc/gunicorn.py", "app"])]),
    ),
    case(
        "policy that opens DNS over UDP only",
        "",
        service(),
        web(),
        client("http://web"),
        policy(
            "out",
            {"app": "client"},
            policyTypes=["Egress"],
            egress=[{"to": [{"podSelector": {}}]}, {"ports": [{"port": 53, "protocol": "UDP"}]}],
        ),
    ),
    case("virtual node without a proxy", "", service(), web(), node("node-3", labels={"type": "virtual-kubelet"})),
    case("container that declares no ports", "", service(), web(containers=[container(ports=())])),
    case(
        "port that only the probe shows",
        "",
        service(),
        web(containers=[container(ports=(9090,), readinessProbe={"httpGet": {"port": 8080}})]),
    ),
    case(
        "port that only the arguments show",
        "",
        service(),
        web(containers=[container(ports=(9090,), args=["--listen=:8080"])]),
    ),
    case(
        "canary of another version",
        "",
        service(),
        web(1),
        pod("web-c", containers=[container("other.registry:5000/shop/web:2")]),
    ),
    case("rolling update, one Pod not ready yet", "", service(), web(1), pod("web-9", ready=False)),
    case(
        "Pod on its way out",
        "",
        service(),
        web(1),
        changed(pod("web-9", ready=False), "metadata.deletionTimestamp", "2026-01-01T00:00:00Z"),
    ),
    case(
        "finished Pods with the same labels",
        "",
        service(),
        web(1),
        pod("job-1", ready=False, status={"phase": "Succeeded"}),
    ),
    case(
        "policy Local behind a load balancer",
        "",
        service(
            type="LoadBalancer",
            externalTrafficPolicy="Local",
            healthCheckNodePort=31000,
            ports=((80, 8080, "", "TCP", 30080),),
            status={"loadBalancer": {"ingress": [{"ip": "172.16.0.9"}]}},
        ),
        web(1),
    ),
    case("BGP session that has come back", "", BALANCED, web(), SESSION_UP),
    case(
        "load balancer with one node of two excluded",
        "",
        BALANCED,
        web(1),
        node("node-2", labels={"node.kubernetes.io/exclude-from-external-load-balancers": ""}),
        without=[("Node", "node-2")],
    ),
    case("policy Local with a Pod on each node", "", service(**LOCAL), web(2)),
    case(
        "policy Local, the control plane has no Pod",
        "",
        service(**LOCAL),
        web(1),
        changed(
            node("node-2"), "spec.taints", [{"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}]
        ),
        without=(("Node", "node-2"),),
    ),
    case(
        "peers that are published before they are ready",
        "",
        headless("db", selector={"app": "db"}, publishNotReadyAddresses=True),
        DB,
        PEERS,
    ),
    case("StatefulSet that is whole", "", headless("db", selector={"app": "db"}), DB, DB_PODS),
    case("client of a headless Service that knows its port", "", headless(), web(), client("http://web:8080")),
    case(
        "default-deny with a policy that opens the port",
        "",
        service(),
        web(),
        client("http://web"),
        DENY_ALL,
        policy("web", {"app": "web"}, ingress=[{"ports": [{"port": 8080}]}]),
    ),
    case(
        "alias of a database, asked without HTTP",
        "",
        external_name("db", "db.example.com"),
        client("postgres://db:5432/x"),
    ),
    case(
        "alias of a Service of the cluster",
        "",
        service(),
        web(),
        external_name("old", "web.default.svc.cluster.local"),
        client("http://old"),
    ),
    case("names of the outside world", "", service(), web(), client("https://api.github.com:443 https://example.com")),
    case(
        "DNS server that waited at its start",
        "",
        service(),
        web(),
        seen=[log("coredns-1", "[INFO] plugin/ready: Still waiting on: kubernetes", "CoreDNS-1.11.1")],
    ),
    case(
        "sidecar that listens on loopback too",
        "",
        service(),
        web(1),
        seen=[sockets("web-0", "0.0.0.0:8080", "127.0.0.1:9000")],
    ),
    case(
        "flows that are where they should be",
        "",
        service(ip="10.96.0.20", ports=UDP),
        UDP_PODS,
        seen=[conntrack(FLOW.format("10.244.1.9"))],
    ),
    case("rules that know all", "", service(), [pod("web-0", ip="10.244.1.3")], seen=[rules(KUBE_PROXY_NFT)]),
    case(
        "a Service that nobody uses, of a proxy that runs",
        "",
        service(metadata={"labels": {"service.kubernetes.io/service-proxy-name": "mesh"}}),
        web(),
        pod("mesh-1", {"app": "mesh"}),
    ),
    case(
        "single-stack Service on a dual-stack cluster",
        "",
        service(ipFamilyPolicy="PreferDualStack"),
        web(ip="10.244.1.7,fd00::7"),
    ),
    Case(
        "workload that is only a manifest",
        [changed(changed(workload("Deployment", "web"), "metadata.uid", None), "status", None), service(), client()],
    ),
    Case(
        "label that is set as Pods run",
        [
            changed(workload("StatefulSet", "db", labels={"app": "db", "role": "replica"}), "metadata.uid", None),
            *(
                service(f"db-{r}", ip, selector={"app": "db", "role": r})
                for r, ip in (("primary", "10.96.0.10"), ("replica", "10.96.0.11"))
            ),
        ],
    ),
]
