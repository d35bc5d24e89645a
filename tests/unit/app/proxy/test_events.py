"""Events of the node proxy about Services."""

import asyncio

from fairlead.app.proxy.events import ProxyEvents
from fairlead.dataplane.balancing import BALANCING_ANNOTATION, WEIGHTS_ANNOTATION
from fairlead.dataplane.host_firewall import DroppingChain
from fairlead.dataplane.ownership import Usurpation
from fairlead.model.names import ObjectKey
from tests.support.proxy_objects import node, service


class Client:
    """Keeps what is created."""

    def __init__(self):
        self.created = []

    async def create(self, _, document):
        self.created.append((document["type"], document["reason"], document["message"]))


def events_of(act, *, can_hash):
    """The Events that come of what is done to a node's ProxyEvents."""
    client = Client()

    async def scenario():
        events = ProxyEvents(client, "here", can_hash=can_hash)
        act(events)
        writing = asyncio.ensure_future(events.run())
        for _ in range(20):  # turns of the loop, more than it takes: the client answers at once
            await asyncio.sleep(0)
        writing.cancel()

    asyncio.run(scenario())
    return client.created


HASHED = service(annotations={BALANCING_ANNOTATION: "source-hash"})


def test_iptables_says_that_it_cannot_hash_and_nft_says_nothing():
    def change(events):
        events.service_changed(None, HASHED)
        events.service_changed(HASHED, HASHED)  # said once for each change of the annotations

    ((kind, reason, message),) = events_of(change, can_hash=False)
    assert (kind, reason) == ("Warning", "BalancingNotSupported")
    assert message.startswith("iptables cannot draw by a hash of the source")
    assert events_of(change, can_hash=True) == []


def test_an_annotation_that_cannot_be_read_is_named():
    wrong = service(annotations={WEIGHTS_ANNOTATION: "heavy"})
    ((_, reason, message),) = events_of(lambda events: events.service_changed(HASHED, wrong), can_hash=True)
    assert reason == "InvalidAnnotation"
    assert message.startswith("fairlead.dev/endpoint-weights: 'heavy'")


def test_a_health_check_that_cannot_listen_is_reported_in_upstreams_words():
    def fail(events):
        events.health_check_failed(HASHED, 30500, OSError("address in use"))

    assert events_of(fail, can_hash=True) == [
        (
            "Warning",
            "FailedToStartServiceHealthcheck",
            'node here failed to start healthcheck "ns/web" on port 30500: address in use',
        )
    ]


def test_a_service_with_refused_rules_gets_an_event_with_the_reason():
    ((kind, reason, message),) = events_of(lambda events: events.rules_refused(HASHED, "too odd " * 500), can_hash=True)
    assert (kind, reason) == ("Warning", "FailedToUpdateRules")
    assert message.startswith("node here could not change the rules of this Service, they stay as they were: too odd")
    assert len(message) == 1024  # no Event may say more


def test_a_service_that_names_another_ones_cluster_ip_gets_an_event_with_the_owner():
    usurpation = Usurpation("10.96.0.10", ObjectKey("kube-system", "kube-dns"))
    (event,) = events_of(lambda events: events.address_not_served(HASHED, usurpation), can_hash=True)
    said = "10.96.0.10 is the cluster IP of kube-system/kube-dns: node here does not forward it for this Service"
    assert event == ("Warning", "ExternalIPNotServed", said)


def test_a_blocking_firewall_is_reported_with_a_fix():
    chain = DroppingChain("inet", "fw", "way", "forward")
    (event,) = events_of(lambda events: events.dropped_by_host(node(), chain), can_hash=True)
    assert event[:2] == ("Warning", "HostFirewallDropsServices")
    assert event[2].endswith("nft insert rule inet fw way ct status dnat accept")
    assert events_of(lambda events: events.dropped_by_host(None, chain), can_hash=True) == []  # the log has it
