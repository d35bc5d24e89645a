"""``fairlead rules``: what a node's rules would be, each with its reason."""

import re

import pytest
from click.testing import CliRunner

from fairlead.cli.rules import rules

MANIFEST = """\
apiVersion: v1
kind: Node
metadata: {name: here}
status: {addresses: [{type: InternalIP, address: 192.168.0.2}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  type: LoadBalancer
  clusterIPs: [10.96.0.10]
  externalTrafficPolicy: Local
  sessionAffinity: ClientIP
  loadBalancerSourceRanges: [203.0.113.0/24]
  ports: [{name: http, port: 80, nodePort: 30080, protocol: TCP}]
status: {loadBalancer: {ingress: [{ip: 1.2.3.4}]}}
---
apiVersion: v1
kind: Service
metadata: {name: idle}
spec: {clusterIPs: [10.96.0.11], externalIPs: [1.1.1.1], ports: [{port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, namespace: shop, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: http, port: 8080, protocol: TCP}]
endpoints: [{addresses: [10.0.0.1], nodeName: here}, {addresses: [10.0.0.2], nodeName: there}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: idle-1, labels: {kubernetes.io/service-name: idle}}
addressType: IPv4
ports: [{port: 8080}]
endpoints: [{addresses: [10.0.0.3]}]
"""


def run(*arguments):
    flags = ("--node", "here", "--cluster-cidr", "10.0.0.0/8", "--service-cidr", "10.96.0.0/16", "-f-")
    result = CliRunner().invoke(rules, [*flags, *arguments], input=MANIFEST)
    assert result.exit_code == 0, result.output
    return result.output


def test_every_nft_rule_says_why_it_is_there():
    bodies = re.findall(r"\tchain \S+ \{\n(.*?)\t\}", run(), re.DOTALL)
    listed = [line for body in bodies for line in body.splitlines() if not line.startswith("\t\ttype ")]
    assert len(listed) > 20
    assert [line for line in listed if ' comment "' not in line] == []


@pytest.mark.parametrize("backend", ["nft", "iptables"])
def test_one_service_alone(backend):
    text = run("--service", "shop/web", "--backend", backend)
    assert "shop/web:http" in text
    assert "default/idle" not in text
    assert "default/idle" in run("--backend", backend)


def test_the_rules_of_one_service_are_those_that_it_adds():
    lines = [line for line in run("--service", "shop/web", "--backend", "iptables").splitlines() if line[:2] == "-A"]
    everything = run("--backend", "iptables").splitlines()
    assert [line for line in everything if line in lines] == lines
    assert all("shop/web:http" in line or "KUBE-EXT" in line for line in lines)


def test_a_service_that_is_not_there_is_an_error():
    result = CliRunner().invoke(rules, ["--node", "here", "-f-", "--service", "shop/other"], input=MANIFEST)
    assert (result.exit_code, result.output) == (1, "error: there is no Service shop/other\n")


ODD = """\
apiVersion: v1
kind: ServiceList
items:
- metadata: {name: dup}
  spec: {clusterIP: 10.96.0.1, ports: [{name: http, port: 80}]}
- metadata: {name: dup2}
  spec: {clusterIP: 10.96.0.2, ports: [{name: http, port: 80}]}
- metadata: {name: nopname}
  spec: {clusterIP: 10.96.0.3, ports: [{port: 80}]}
- metadata: {name: mism, labels: null}
  spec: {clusterIP: 10.96.0.4, clusterIPs: null, externalIPs: null, ports: [{name: http, port: 80, nodePort: null}]}
- metadata: {name: noports}
  spec: {clusterIP: 10.96.0.5, ports: [{port: 80}]}
- metadata: {name: protomis}
  spec: {clusterIP: 10.96.0.6, ports: [{name: x, port: 53, protocol: UDP}]}
- metadata: {name: headless}
  spec: {clusterIP: None, type: ClusterIP}
- metadata: {name: elsewhere}
  spec: {type: ExternalName, externalName: example.com}
- metadata: {name: six}
  spec: {clusterIP: "fd00::1", ports: [{port: 80}]}
- metadata: {name: alone}
  spec: {ports: [{port: 80}]}
- metadata: {name: family}
  spec: {clusterIP: 10.96.0.7, ports: [{port: 80}]}
- metadata: {name: thief}
  spec: {clusterIP: 10.96.0.8, externalIPs: [10.96.0.1], ports: [{port: 80}]}
  status: null
"""
SLICES = [
    ("dup-a", "dup", "IPv4", "{addresses: [10.244.1.7], conditions: {ready: false}}", "{name: http, port: 80}"),
    ("dup-b", "dup", "IPv4", "{addresses: [10.244.1.7], conditions: {ready: true}}", "{name: http, port: 80}"),
    ("dup2-a", "dup2", "IPv4", "{addresses: [10.244.1.7]}, {addresses: [10.244.1.7], conditions: {ready: false}}",
     "{name: http, port: 80}"),
    ("nopname-a", "nopname", "IPv4", "{addresses: [10.244.1.7]}", "{name: http, port: 80}"),
    ("mism-a", "mism", "IPv4", "{addresses: [10.244.1.7]}", "{name: web, port: 80}"),
    ("noports-a", "noports", "IPv4", "{addresses: [10.244.1.7]}", ""),
    ("protomis-a", "protomis", "IPv4", "{addresses: [10.244.1.7]}", "{name: x, port: 80}"),
    ("family-a", "family", "IPv6", "{addresses: ['fd00::7']}", "{port: 80}"),
    ("thief-a", "thief", "IPv4", "{addresses: [10.244.1.7, 10.244.2.6]}", "{port: 80}"),
    ("lost-a", "lost", "IPv4", "{addresses: [10.244.1.7]}", "{port: 80}"),
    ("named-a", "thief", "FQDN", "{addresses: [example.com]}", "{port: 80}"),
]  # fmt: skip
SAID = """\
warning: Node here is not there: its addresses, its zone and its Pods' network are not known
warning: Service default/alone: has no clusterIP: the API server gives it one, in a manifest it has to be named
warning: Service default/alone: port 80/TCP is refused: no EndpointSlice has the label kubernetes.io/service-name: alone
warning: Service default/dup2: port http/TCP is refused: no endpoint of it is ready, or serving while it terminates
warning: Service default/elsewhere: is of type ExternalName, which DNS alone answers for
warning: Service default/family: port 80/TCP is refused: its EndpointSlices are of address type IPv6, not IPv4
warning: Service default/headless: is headless: it has no virtual IP to forward
warning: Service default/mism: port http/TCP is refused: its EndpointSlices have port 'web'/TCP, \
and none port 'http'/TCP
warning: Service default/nopname: port 80/TCP is refused: its EndpointSlices have port 'http'/TCP, and none \
a port without a name/TCP
warning: Service default/noports: port 80/TCP is refused: its EndpointSlices have no ports, and none \
a port without a name/TCP
warning: Service default/protomis: port x/UDP is refused: its EndpointSlices have port 'x'/TCP, and none port 'x'/UDP
warning: Service default/six: has no IPv4 cluster IP
warning: Service default/thief: is not served at 10.96.0.1, the cluster IP of default/dup
warning: EndpointSlice default/lost-a: there is no Service default/lost
warning: EndpointSlice default/named-a: is of address type FQDN, which is not forwarded
warning: EndpointSlice default/thief-a: an endpoint has several addresses: the first counts, the others are not used
warning: Pod: rules do not depend on objects of this kind (1)
"""


def odd_documents():
    yield ODD
    for name, service, family, endpoints, ports in SLICES:
        labels = f"labels: {{kubernetes.io/service-name: {service}}}"
        yield (
            f"apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {{name: {name}, {labels}}}\n"
            f"addressType: {family}\nendpoints: [{endpoints}]\nports: [{ports}]\n"
        )
    yield "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\n"


@pytest.mark.io
def test_each_object_without_rules_is_reported_with_the_reason(tmp_path):
    """From a folder: each document in a file of its own."""
    for number, text in enumerate(odd_documents()):
        (tmp_path / f"{number:02d}.yaml").write_text(text)
    (tmp_path / "README.md").write_text("no manifest")
    result = CliRunner().invoke(rules, ["--node", "here", "-f", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert result.stderr == SAID
    assert "10.96.0.1 . tcp . 80" in result.stdout
    assert "10.244.1.7" in result.stdout  # dup has its endpoint: the last slice by name counts


@pytest.mark.io
def test_a_diagnosis_of_one_service_has_only_its_warnings(tmp_path):
    (tmp_path / "all.yaml").write_text("---\n".join(odd_documents()))
    result = CliRunner().invoke(rules, ["--node", "here", "-f", str(tmp_path / "all.yaml"), "--service", "mism"])
    assert result.stderr.count("\n") == 2, result.stderr  # and one for the kind that says nothing
