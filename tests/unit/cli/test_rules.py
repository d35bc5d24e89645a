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
