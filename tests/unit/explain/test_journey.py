"""Where packets go: names, rules, endpoints, policies and replies, and no false certainty."""

import pytest

from fairlead.dataplane.node_view import NodeSettings
from fairlead.explain.journey.ends import parse_goal, parse_start
from fairlead.explain.journey.rulebook import Rulebook
from fairlead.explain.journey.story import tell
from fairlead.explain.observations import IPTABLES, NFT, Observation
from fairlead.explain.proxying import Proxying, inferred
from fairlead.explain.statements import Verdict
from fairlead.explain.subjects import SubjectError
from tests.support.broken_clusters import CLOSED, KUBE_PROXY, LOCAL, NODE_PORT, client, whole
from tests.support.cluster_dumps import cluster, external_name, headless, policy, service, web
from tests.unit.explain.test_subjects import has

BACK_ENDS = pytest.mark.parametrize("backend", ["nft", "iptables"])
DENY = policy("deny", {"app": "web"}, policyTypes=["Ingress"])


def way(documents, start, goal, backend="nft", given=(), seen=(), **options):
    read = cluster(documents, seen)
    book = Rulebook(read, Proxying(backend, inferred(read, NodeSettings())), tuple(given))
    return tell(read, book, parse_start(read, start, "default", None), parse_goal(goal, "tcp"), **options)


def text_of(statement):
    return [each.text for each in statement.walk()]


@BACK_ENDS
@pytest.mark.parametrize(
    ("objects", "start", "goal", "words"),
    [
        ([service(), web(), client()], "pod/client", "web", ["1 question", "with probability 0.500"]),
        (
            [service(), web(1), client()],
            "pod/client",
            "web.default:80",
            ["reaches 10.244.1.154:8080 (Pod default/web-0)"],
        ),
        ([service(), web(1), client()], "pod/client", "10.96.0.10:80", ["node-1 lets it pass", "sees 10.244.2.132 as"]),
        ([headless(), web(1), client()], "pod/client", "web:8080", ["reaches 10.244.1.154:8080", "straight from"]),
        ([service(**NODE_PORT), web(1)], "outside", "192.168.0.2:30080", ["sees an address of node-1 as the sender"]),
        ([service(**LOCAL), web(1)], "outside/198.51.100.7", "192.168.0.2:30080", ["sees 198.51.100.7 as the sender"]),
        (
            [service(), web(1)],
            "node/node-2",
            "10.96.0.10:80",
            ["sees an address of node-2", "puts both addresses back"],
        ),
    ],
)
def test_a_packet_that_arrives(backend, objects, start, goal, words):
    statement = way(whole(*objects), start, goal, backend)
    has(text_of(statement), *words)
    assert statement.outcome is Verdict.CHECKED


@BACK_ENDS
@pytest.mark.parametrize(
    ("objects", "start", "goal", "words"),
    [
        ([service(), web(ready=False), client()], "pod/client", "web", ["is refused"]),
        ([service(**LOCAL), web(1)], "outside/198.51.100.7", "192.168.0.2:80", []),
        ([service(), web(), client(), DENY], "pod/client", "web", ["NetworkPolicy deny (Ingress) keeps it away"]),
        (
            [service(), web(1), client(), policy("shut", policyTypes=["Egress"])],
            "pod/client",
            "10.96.0.10:80",
            ["Egress of Pod default/client: NetworkPolicy shut (Egress) keeps it away", "shut lets nothing out"],
        ),
        ([service(), web(), client()], "pod/client", "wbe.default.svc.cluster.local.", ["no packet is sent"]),
        ([service(), web()], "outside", "10.96.0.10:80", ["is a virtual IP"]),
    ],
)
def test_a_packet_that_does_not(backend, objects, start, goal, words):
    statement = way(whole(*objects), start, goal, backend)
    has(text_of(statement), *words)
    assert words == [] or statement.outcome is Verdict.FAILED


LET_IN = policy(
    "some",
    {"app": "web"},
    ingress=[{"from": [{"podSelector": {"matchLabels": {"app": "x"}}}]}, {"ports": [{"port": 8080}]}],
)


@BACK_ENDS
def test_the_rule_of_a_policy_that_lets_a_packet_through_is_named_at_both_ends(backend):
    out = policy("out", policyTypes=["Egress"], egress=[{"to": [{"ipBlock": {"cidr": "10.244.0.0/16"}}]}])
    statement = way(whole(service(), web(1), client(), LET_IN, out), "pod/client", "10.96.0.10:80", backend)
    has(
        text_of(statement),
        "Egress of Pod default/client: NetworkPolicy out lets it through, by rule 1: to 10.244.0.0/16, on any port",
        "Ingress of Pod default/web-0: NetworkPolicy some lets it through, by rule 2: from anybody, on TCP 8080",
    )
    assert statement.outcome is Verdict.CHECKED
    evidence = [e.what for s in statement.walk() for e in s.because]
    assert "NetworkPolicy default/some .spec.ingress[1]" in evidence


def test_a_node_reaches_its_own_pods_whatever_policies_say():
    documents = whole(service(), web(1), DENY)
    assert way(documents, "node/node-1", "10.244.1.154:8080").outcome is Verdict.CHECKED
    assert way(documents, "node/node-2", "10.244.1.154:8080").outcome is Verdict.FAILED


def test_a_pod_may_always_ask_its_own_node():
    documents = whole(client(), policy("shut", policyTypes=["Egress"]))
    statement = way(documents, "pod/client", "192.168.0.3:10250")
    assert not any("keeps it away" in text for text in text_of(statement))


def test_policy_local_drops_on_a_node_without_endpoints():
    documents = whole(service(**LOCAL), web(1))
    read = cluster(documents)
    book = Rulebook(read, Proxying(settings=inferred(read, NodeSettings())))
    start = parse_start(read, "outside", "default", "node-2")
    statement = tell(read, book, start, parse_goal("192.168.0.3:30080", "tcp"))
    has(text_of(statement), "is dropped: the client waits")


def test_every_endpoint_has_its_probability():
    statement = way(whole(service(), web(3), client()), "pod/client", "web")
    shares = [text.rpartition(" ")[2] for text in text_of(statement) if "with probability" in text]
    assert shares == ["0.333"] * 3


def test_rules_that_did_not_match_are_listed_with_the_reason():
    documents = whole(service(), web(1), client())
    shown = text_of(way(documents, "pod/client", "10.96.0.10:80", "iptables", verbose=True))
    assert "does not match: the mark is 0x0" in shown
    assert not any("does not match" in t for t in text_of(way(documents, "pod/client", "10.96.0.10:80")))


def test_rules_from_elsewhere_are_used_and_named():
    given = [Observation(NFT, ("kp.txt",), KUBE_PROXY, "kp.txt")]
    statement = way(whole(service(), web(1), client()), "pod/client", "10.96.0.10:80", given=given)
    has(text_of(statement), "by the rules of node-2 (kp.txt)", "reaches 10.244.1.3:8080")


def test_rules_that_were_seen_on_a_node_are_used_for_that_node():
    seen = [Observation(NFT, ("node-1", "nft.txt"), KUBE_PROXY + CLOSED, "nft on node-1")]
    statement = way(whole(service(), web(1), client()), "pod/client", "10.96.0.10:80", seen=seen)
    has(text_of(statement), "computed for node-2", "node node-1 does not let it pass")
    assert statement.outcome is Verdict.FAILED


def test_unknown_rules_are_reported_and_the_outcome_is_uncertain():
    strange = "*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD -m bpf --bytecode x -j DROP\nCOMMIT\n"
    given = [Observation(IPTABLES, ("x",), strange, "x")]
    statement = way(whole(service(), web(1), client()), "pod/client", "10.244.1.154:8080", given=given)
    assert statement.outcome is Verdict.FAILED or statement.outcome is Verdict.NOT_CHECKED
    has(text_of(statement), "not understood: -m bpf --bytecode x")
    assert any("possibly" in text for text in text_of(statement))


def test_an_alias_leads_outside_and_is_not_checked():
    statement = way(whole(external_name("api", "api.example.com"), client()), "pod/client", "api:443")
    assert statement.outcome is Verdict.NOT_CHECKED


@pytest.mark.parametrize("start", ["pod/nobody", "nobody", "node/nobody", "outside/x"])
def test_a_sender_that_is_not_there(start):
    with pytest.raises(SubjectError):
        parse_start(cluster(whole()), start, "default", None)


@pytest.mark.parametrize("goal", ["web:http", "web:0", "10.0.0.1:99999"])
def test_a_port_that_is_none(goal):
    with pytest.raises(SubjectError):
        parse_goal(goal, "tcp")
