"""Decisions about certificate requests."""

from datetime import UTC, datetime, timedelta

import pytest

from fairlead.model.certificate_requests import (
    CLIENT_SIGNER,
    NODE_CLIENT_SIGNER,
    NODE_SERVING_SIGNER,
    CertificateSigningRequest,
    Requested,
)
from fairlead.model.decode import decode
from fairlead.model.objects import Node
from fairlead.workloads.certificates import (
    BY_ITSELF,
    BY_NODES,
    MOST_SECONDS,
    SERVING,
    Approve,
    ApproveIfAllowed,
    FailSigning,
    IssueCertificate,
    kept_until,
    next_steps,
    node_name,
)

BEGAN = "2026-01-01T00:00:00Z"
NAME = "system:node:n1"
CLIENT = Requested(NAME, ("system:nodes",))
SERVER = CLIENT._replace(hosts=("n1",), addresses=("192.0.2.1",))
NODE = decode(
    Node,
    {
        "metadata": {"name": "n1"},
        "status": {
            "addresses": [{"type": "InternalIP", "address": "192.0.2.1"}, {"type": "Hostname", "address": "n1"}]
        },
    },
)
FOR_CLIENTS, FOR_SERVERS = ["digital signature", "client auth"], ["digital signature", "server auth"]


def request(signer, usages, *conditions, username="somebody", certificate=None, **spec):
    told = [{"type": each, "status": "True", "lastTransitionTime": "2026-01-01T02:00:00Z"} for each in conditions]
    document = {
        "metadata": {"name": "r", "creationTimestamp": BEGAN},
        "spec": {"signerName": signer, "usages": usages, "username": username, **spec},
        "status": {"conditions": told, "certificate": certificate},
    }
    return decode(CertificateSigningRequest, document)


def of_client(*conditions, usages=FOR_CLIENTS, **options):
    return request(NODE_CLIENT_SIGNER, usages, *conditions, **options)


def of_server(*conditions, usages=FOR_SERVERS, username=NAME, **options):
    return request(NODE_SERVING_SIGNER, usages, *conditions, username=username, **options)


BY_GROUP, BY_SELF = ApproveIfAllowed("nodeclient", BY_NODES), ApproveIfAllowed("selfnodeclient", BY_ITSELF)
APPROVALS = [
    (of_client(), CLIENT, (BY_GROUP,)),
    (of_client(username=NAME), CLIENT, (BY_SELF, BY_GROUP)),
    (of_client(usages=[*FOR_CLIENTS, "key encipherment"]), CLIENT, (BY_GROUP,)),
    (of_client(usages=["client auth"]), CLIENT, ()),
    (of_client(usages=[*FOR_CLIENTS, "server auth"]), CLIENT, ()),
    (of_client(), CLIENT._replace(organizations=("system:nodes", "system:masters")), ()),
    (of_client(), CLIENT._replace(organizations=()), ()),
    (of_client(), CLIENT._replace(name="n1"), ()),
    (of_client(), CLIENT._replace(name="system:node:"), ()),
    (of_client(), SERVER, ()),
    (of_server(), SERVER, (Approve(SERVING),)),
    (of_server(), SERVER._replace(hosts=()), (Approve(SERVING),)),
    (of_server(), CLIENT, ()),
    (of_server(username="admin"), SERVER, ()),
    (of_server(), SERVER._replace(addresses=("192.0.2.9",)), ()),
    (of_server(), SERVER._replace(hosts=("kubernetes",)), ()),
    (of_server(), SERVER._replace(others=("RFC822Name",)), ()),
    (of_server(username="system:node:n2"), SERVER._replace(name="system:node:n2"), ()),
    (request(CLIENT_SIGNER, FOR_CLIENTS), Requested("jane"), ()),
    (request("example.com/own", FOR_CLIENTS), CLIENT, ()),
    (of_client("Denied"), CLIENT, ()),
    (of_client("Approved", "Failed"), CLIENT, ()),
    (of_client("Approved", certificate="AAAA"), CLIENT, ()),
]


@pytest.mark.parametrize(("request_", "asked", "steps"), APPROVALS)
def test_what_may_approve_a_request(request_, asked, steps):
    assert next_steps(request_, asked, NODE) == steps


def test_a_serving_certificate_waits_for_its_node():
    assert next_steps(of_server(), SERVER, None) == ()


SIGNATURES = [
    (of_client("Approved"), CLIENT, IssueCertificate(MOST_SECONDS, False)),
    (of_client("Approved", expirationSeconds=600), CLIENT, IssueCertificate(600, False)),
    (of_client("Approved", expirationSeconds=10 * MOST_SECONDS), CLIENT, IssueCertificate(MOST_SECONDS, False)),
    (of_server("Approved", username="admin"), SERVER, IssueCertificate(MOST_SECONDS, True)),
    (
        request(CLIENT_SIGNER, FOR_CLIENTS, "Approved"),
        Requested("jane", ("dev",)),
        IssueCertificate(MOST_SECONDS, False),
    ),
]


@pytest.mark.parametrize(("request_", "asked", "step"), SIGNATURES)
def test_approved_requests_are_signed(request_, asked, step):
    assert next_steps(request_, asked, None) == (step,)


FAILURES = [
    (of_client("Approved"), SERVER, "DNS and IP subject alternative names are not allowed"),
    (of_client("Approved"), Requested("jane"), "subject organization is not system:nodes"),
    (of_client("Approved", usages=FOR_SERVERS), CLIENT, "usages did not match"),
    (of_server("Approved"), CLIENT, "a DNS or IP subject alternative name is required"),
    (request(CLIENT_SIGNER, FOR_CLIENTS, "Approved"), Requested("eve", ("system:masters",)), "system:masters"),
    (request(CLIENT_SIGNER, FOR_SERVERS, "Approved"), Requested("eve"), "usages must have client auth"),
]


@pytest.mark.parametrize(("request_", "asked", "why"), FAILURES)
def test_what_is_approved_and_not_one_of_the_signers_fails(request_, asked, why):
    (step,) = next_steps(request_, asked, None)
    assert isinstance(step, FailSigning)
    assert why in step.message


@pytest.mark.parametrize(
    ("request_", "hours"), [(of_client(), 24), (of_client("Approved"), 3), (of_client("Denied"), 3)]
)
def test_a_request_is_kept_for_a_while(request_, hours):
    assert kept_until(request_) == datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=hours)


@pytest.mark.parametrize(("name", "node"), [(NAME, "n1"), ("jane", ""), ("system:node:", "")])
def test_the_node_of_a_request(name, node):
    assert node_name(Requested(name)) == node
