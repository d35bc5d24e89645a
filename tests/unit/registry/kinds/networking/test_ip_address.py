"""IPAddress objects follow what Services hold, and keep what users reserve."""

import pytest

from fairlead.model.names import ObjectKey
from fairlead.registry.bootstrap.loading import load_state
from fairlead.registry.kinds.networking.ip_address import for_service
from fairlead.registry.status import ApiError
from fairlead.registry.store import Step
from fairlead.registry.verbs.ip_addresses import repair, withdraw
from tests.support.service_requests import FIRST_IP, FIRST_IP6, IPV4, IPV6, Cluster, document

STORAGE = "ipaddresses.networking.k8s.io"
NETWORKING = "networking.k8s.io/v1"


def shown(cluster):
    return {key.name for key in cluster.state.of(STORAGE)}


def parent(cluster, ip):
    reference = cluster.stored("IPAddress", ip, NETWORKING)["spec"]["parentRef"]
    return reference["resource"], reference["namespace"], reference["name"]


def reservation(ip):
    return document("IPAddress", ip, NETWORKING, spec={"parentRef": {"resource": "gateways", "name": "edge"}})


def test_they_come_and_go_with_the_addresses_of_a_service():
    cluster = Cluster(IPV4, IPV6)
    cluster.service()
    assert shown(cluster) == {FIRST_IP}
    assert parent(cluster, FIRST_IP) == ("services", "default", "web")
    cluster.edit(ipFamilyPolicy="RequireDualStack")
    assert shown(cluster) == {FIRST_IP, FIRST_IP6}
    cluster.edit(ipFamilyPolicy="SingleStack")
    assert shown(cluster) == {FIRST_IP}
    cluster.edit(type="ExternalName", externalName="x.y")
    assert shown(cluster) == set()
    cluster.edit(type="ClusterIP")
    cluster.delete("Service", "web")
    assert shown(cluster) == set()


def test_headless_services_and_dry_runs_have_none():
    cluster = Cluster()
    cluster.service(clusterIP="None")
    cluster.service("dry", dry_run=True)
    assert shown(cluster) == set()


def test_the_write_of_a_service_is_the_first_change_of_its_step():
    cluster = Cluster()
    before = cluster.state.version
    cluster.service()
    changes = [change for resource in ("services", STORAGE) for change in cluster.state.log(resource).since(before)]
    assert [(change.resource, change.version) for change in changes] == [
        ("services", before + 1),
        (STORAGE, before + 2),
    ]


def test_an_address_that_a_user_reserves_is_given_to_no_service():
    cluster = Cluster()
    cluster.create(reservation(FIRST_IP))
    with pytest.raises(ApiError, match="provided IP is already allocated"):
        cluster.service("asks", clusterIP=FIRST_IP)
    assert cluster.service("takes")["clusterIP"] != FIRST_IP
    cluster.delete("IPAddress", FIRST_IP, NETWORKING)
    assert cluster.service("after")["clusterIP"] == FIRST_IP


def test_a_user_cannot_reserve_what_a_service_has():
    cluster = Cluster()
    cluster.service()
    with pytest.raises(ApiError) as refusal:
        cluster.create(reservation(FIRST_IP))
    assert (refusal.value.code, refusal.value.reason) == (409, "AlreadyExists")


def test_deleting_the_object_does_not_free_the_address_and_is_repaired():
    cluster = Cluster()
    cluster.service()
    cluster.delete("IPAddress", FIRST_IP, NETWORKING)
    assert cluster.held == {FIRST_IP}
    step = repair(Step(cluster.state), cluster.env)
    cluster.state = step.state
    assert shown(cluster) == {FIRST_IP}
    assert repair(Step(cluster.state), cluster.env).changes == ()


@pytest.mark.parametrize("service", [ObjectKey("default", "gone"), ObjectKey("default", "other")])
def test_objects_that_claim_what_their_service_does_not_have_are_removed(service):
    cluster = Cluster()
    cluster.create(for_service("10.96.7.7", service))
    assert cluster.held == set()
    cluster.state = repair(Step(cluster.state), cluster.env).state
    assert shown(cluster) == set()


def test_reservations_outlive_a_restart_and_a_repair():
    cluster = Cluster()
    cluster.create(reservation("10.96.7.7"))
    cluster.service()
    rows = [
        (storage, key, stored.version, stored.document)
        for storage, objects in cluster.state.objects.items()
        for key, stored in objects.items()
    ]
    cluster.state = load_state(cluster.state.version, rows, cluster.env.kinds)
    assert cluster.held == {"10.96.7.7", FIRST_IP}
    assert repair(Step(cluster.state), cluster.env).changes == ()


def test_withdrawing_what_is_not_there_changes_nothing():
    cluster = Cluster()
    assert withdraw(Step(cluster.state), ["10.96.7.7"], cluster.env.kinds).changes == ()
