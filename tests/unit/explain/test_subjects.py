"""Statements about each kind of subject; unread objects are never called absent."""

import pytest

from fairlead.dataplane.node_view import NodeSettings
from fairlead.explain.cluster import plural
from fairlead.explain.proxying import Proxying, inferred
from fairlead.explain.reading import FoundDocument, cluster_of
from fairlead.explain.render.text import render_text
from fairlead.explain.render.wrapping import WIDTH
from fairlead.explain.statements import Verdict
from fairlead.explain.subjects import NoSuchObject, SubjectError, explain, parse_subject
from tests.support.cluster_dumps import (
    changed,
    cluster,
    endpoint_slice,
    event,
    external_name,
    headless,
    pod,
    policy,
    service,
    sliced,
    system,
    web,
    workload,
)

NODE_PORT = {"type": "NodePort", "ports": ((80, 8080, "http", "TCP", 30080),)}


def told(documents, subject, **reading):
    return explain(cluster(documents, **reading), parse_subject(subject), Proxying())


def lines(documents, subject, **reading):
    return render_text(told(documents, subject, **reading)).splitlines()


def has(shown, *words):
    """Whether words stand in the text in this order, wherever its lines break."""
    text = " ".join(" ".join(shown).split())
    for word in words:
        _, found, text = text.partition(word)
        assert found, f"{word!r} is not in its place in\n" + "\n".join(shown)


@pytest.mark.parametrize(
    ("objects", "subject", "words"),
    [
        (
            [service(), *web()],
            "svc/web",
            ["10.96.0.10:80/TCP: from Pods", "to 10.244.", "30 IN A 10.96.0.10"],
        ),
        ([service(**NODE_PORT), *web()], "svc/web", ["192.168.0.2:30080 on node-1", "192.168.0.3:30080 on node-2"]),
        (
            [service(externalTrafficPolicy="Local", **NODE_PORT), *web(1)],
            "svc/web",
            ["192.168.0.2:30080 on node-1, to its own endpoints", "192.168.0.3:30080 on node-2 does not answer"],
        ),
        ([service(**NODE_PORT), *web()], "svc/web", ["nft:", "node-ports: tcp . 30080", "iptables:", "--dport 30080"]),
        ([service(type="LoadBalancer"), *web()], "svc/web", ["stacks 3 layers", "no address yet"]),
        (
            [headless(), *web()],
            "svc/web",
            ["must choose an endpoint", "the Pods' port 8080, not 80", "2 record"],
        ),
        ([external_name("db", "db.example.com")], "svc/db", ["alias", "db.example.com"]),
        ([service(), *web(1, ready=False)], "svc/web", ["✗ refused: no endpoint is ready", "web-0: out, not ready"]),
        (
            [service(), pod("web-0", {"app": "web", "tier": "x"}), pod("other", {"app": "wbe"})],
            "svc/web",
            ["other: out, it has app=wbe where the selector wants app=web"],
        ),
        (
            [service(), *web()],
            "pod/web-0",
            ["has the address 10.244.", "is ready", "by 1 Service", "no NetworkPolicy"],
        ),
        (
            [pod("web-0"), event(pod("web-0"), "Unhealthy", "Readiness probe failed: HTTP 503"), service()],
            "pod/web-0",
            ["is ready"],
        ),
        (
            [pod("web-0", ready=False), event(pod("web-0"), "Unhealthy", "Readiness probe failed: HTTP 503")],
            "pod/web-0",
            ["is not ready", "Readiness probe failed: HTTP 503"],
        ),
        ([service(**NODE_PORT), *web()], "node/node-1", ["192.168.0.2:30080/TCP: Service default/web"]),
        ([service(), *web()], "endpointslice/web-0", ["belongs to Service default/web", "port unnamed 8080/TCP"]),
        ([endpoint_slice("", ["10.1.1.1"])], "endpointslice/nobody-hand", ["belongs to no Service"]),
        ([service(), *web()], "10.96.0.10", ["the virtual IP of Service default/web", "PTR web.default"]),
        ([service(), *web()], "10.96.0.10:81", ["has no port 81; it has 80"]),
        ([service(**NODE_PORT), *web()], "10.96.0.10:30080", ["it is a node port"]),
        ([service(), *web()], "10.9.9.9", ["nobody in the cluster has this address"]),
        ([service(), *web()], "port/8080", ["targetPort 8080/TCP of Service default/web"]),
        ([service(), *web()], "dns/web.default.svc.cluster.local", ["30 IN A 10.96.0.10"]),
        (
            [workload("StatefulSet", "db", serviceName="db"), service("db")],
            "sts/db",
            ["Service db is not headless", "db-0.db.default.svc.cluster.local: its Pod is not there"],
        ),
        (
            [policy("deny", {"app": "web"}), *web(1)],
            "netpol/deny",
            ["selects 1 Pod: web-0", "allows nothing", "Egress: does not isolate them"],
        ),
        (
            [
                policy(
                    "some",
                    {"app": "web"},
                    policyTypes=["Ingress", "Egress"],
                    ingress=[
                        {
                            "from": [
                                {"namespaceSelector": {}, "podSelector": {"matchLabels": {"role": "front"}}},
                                {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}},
                            ],
                            "ports": [{"port": 8000, "endPort": 9000}, {"protocol": "UDP", "port": "dns"}],
                        }
                    ],
                ),
                *web(1),
            ],
            "pod/web-0",
            [
                "Ingress is isolated by NetworkPolicy some",
                "some rule 1 lets in what is from Pods role=front of any Namespace or 10.0.0.0/8 except 10.1.0.0/16",
                "some lets nothing out",
            ],
        ),
    ],
)
def test_statements_about_subjects(objects, subject, words):
    has(lines(sliced([*system(), *objects]), subject), *words)


def test_no_line_is_longer_than_a_terminal_unless_it_is_one_word():
    shown = lines(sliced([*system(), service(**NODE_PORT), *web()]), "svc/web")
    assert [line for line in shown if len(line) > WIDTH and len(line.split()) > 2] == []


def test_each_statement_about_a_node_port_says_where_it_was_read():
    statement = told(sliced([*system(), service(**NODE_PORT), *web()]), "svc/web")
    (found,) = [s for s in statement.walk() if s.text.startswith("192.168.0.2:30080")]
    assert [(e.what, e.where) for e in found.because] == [
        ("Node node-1 .status.addresses[InternalIP] = 192.168.0.2", "the API")
    ]


KINDS = {"Service", "EndpointSlice", "Pod", "Node", "NetworkPolicy"}


@pytest.mark.parametrize("left_out", sorted(KINDS - {"Service"}))
def test_a_kind_that_was_not_read_makes_the_answer_partial(left_out):
    documents = [d for d in sliced([*system(), service(**NODE_PORT), *web()]) if d["kind"] != left_out]
    subject = "svc/web" if left_out != "NetworkPolicy" else "pod/web-0"
    statement = told(documents, subject, whole=False)
    assert f"{plural(left_out)} were not read" in " ".join(s.text for s in statement.walk())
    assert statement.outcome is not Verdict.CHECKED
    assert "this is not the whole answer" in render_text(statement)


def test_objects_missing_in_a_complete_reading_do_not_exist():
    with pytest.raises(NoSuchObject, match="there is no Service default/wbe"):
        told([service()], "svc/wbe")


def test_unread_kinds_are_not_called_absent():
    with pytest.raises(SubjectError, match="Services were not read"):
        told([node for node in system() if node["kind"] == "Node"], "svc/web", whole=False)


def test_another_namespace_with_the_name_is_reported():
    with pytest.raises(NoSuchObject, match="there is one in shop"):
        told([service(namespace="shop")], "svc/web")


@pytest.mark.parametrize("text", ["web", "service/", "thing/web", "1.2.3", "a:b"])
def test_invalid_subjects(text):
    with pytest.raises(SubjectError):
        parse_subject(text)


def test_a_secret_is_never_kept():
    secret = {"kind": "Secret", "metadata": {"name": "s", "namespace": "default"}, "data": {"password": "eA=="}}
    listed = {"kind": "SecretList", "items": [{"metadata": {"name": "t"}}]}
    read = cluster_of(
        [
            FoundDocument("x", secret),
            FoundDocument("x", listed),
            FoundDocument("x", {"kind": "List", "items": [secret]}),
        ]
    )
    assert not read.documents
    assert not read.kinds


def test_items_of_a_typed_list_need_no_kind_and_an_empty_list_is_a_whole_reading():
    pods = {"kind": "PodList", "items": [{"metadata": {"name": "a", "namespace": "b"}}]}
    read = cluster_of(
        [FoundDocument("pods.json", pods), FoundDocument("services.json", {"kind": "ServiceList", "items": []})]
    )
    assert {str(ref) for ref in read.documents} == {"Pod b/a"}
    assert read.kinds == {"Pod", "Service"}


def test_one_bad_object_does_not_stop_the_rest():
    bad = changed(service("bad"), "spec.ports", "none")
    read = cluster([bad, service()])
    assert [fault.message.split(":")[0] for fault in read.faults] == ["Service default/bad"]
    assert {key.name for key in read.snapshot.services} == {"web"}


def test_the_pods_network_follows_from_the_nodes():
    settings = inferred(cluster(system()), NodeSettings())
    assert settings.cluster_cidrs == ("10.244.0.0/22",)
