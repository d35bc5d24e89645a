"""Protobuf bodies: what Go writes becomes what JSON would have said."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.registry.schemas.protobuf import parse_protobuf
from fairlead.registry.status import ApiError


def varint(value):
    out = bytearray()
    value &= (1 << 64) - 1
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out) + bytes([value])


def message(*fields):
    """Fields as (number, int | str | bytes)."""
    out = b""
    for number, value in fields:
        if isinstance(value, int):
            out += varint(number << 3) + varint(value)
        else:
            data = value.encode() if isinstance(value, str) else value
            out += varint(number << 3 | 2) + varint(len(data)) + data
    return out


def body(api_version, kind, raw):
    return b"k8s\0" + message((1, message((1, api_version), (2, kind))), (2, raw), (3, ""), (4, ""))


ZERO_TIME = message()
# What Go writes for metadata of which only the name is set: every field that is no pointer.
METADATA = message((1, "a"), (2, ""), (3, ""), (4, ""), (5, ""), (6, ""), (7, 0), (8, ZERO_TIME))

CASES = {
    "empty texts and zeros of Go are absent": ("v1", "Namespace", message((1, METADATA)), {"metadata": {"name": "a"}}),
    "an empty object stays, as in JSON": ("v1", "Namespace", message((3, b"")), {"status": {}}),
    "a map keeps its empty values": (
        *("v1", "ConfigMap"),
        message((2, message((1, "key"), (2, ""))), (2, message((1, "other"), (2, "x")))),
        {"data": {"key": "", "other": "x"}},
    ),
    "octets are base64": ("v1", "Secret", message((2, message((1, "k"), (2, b"\xff")))), {"data": {"k": "/w=="}}),
    "a list gathers its elements; a port is a number or a name": (
        *("v1", "Service"),
        message(
            (
                2,
                message(
                    (1, message((1, "a"), (3, 80), (4, message((1, 0), (2, 8080), (3, ""))))),
                    (1, message((1, "b"), (3, 81), (4, message((1, 1), (2, 0), (3, "web"))))),
                ),
            )
        ),
        {
            "spec": {
                "ports": [{"name": "a", "port": 80, "targetPort": 8080}, {"name": "b", "port": 81, "targetPort": "web"}]
            }
        },
    ),
    "what JSON shows inline is one level deeper": (
        *("v1", "Pod"),
        message((2, message((1, message((1, "v"), (2, message((2, b"")))))))),
        {"spec": {"volumes": [{"name": "v", "emptyDir": {}}]}},
    ),
    "a pointer to false stays": (
        *("discovery.k8s.io/v1", "EndpointSlice"),
        message((2, message((1, "192.0.2.1"), (2, message((1, 0)))))),
        {"endpoints": [{"addresses": ["192.0.2.1"], "conditions": {"ready": False}}]},
    ),
    "a pointer to zero stays": ("v1", "DeleteOptions", message((1, 0)), {"gracePeriodSeconds": 0}),
    "numbers are signed": ("v1", "DeleteOptions", message((1, -1)), {"gracePeriodSeconds": -1}),
    "a moment": (
        *("v1", "Pod"),
        message((1, message((8, message((1, 1767225600), (2, 5)))))),
        {"metadata": {"creationTimestamp": "2026-01-01T00:00:00Z"}},
    ),
    "a moment with microseconds": (
        *("coordination.k8s.io/v1", "Lease"),
        message((2, message((4, message((1, 1767225600), (2, 123456789)))))),
        {"spec": {"renewTime": "2026-01-01T00:00:00.123456Z"}},
    ),
    "a quantity": (
        *("v1", "Node"),
        message((3, message((1, message((1, "cpu"), (2, message((1, "250m")))))))),
        {"status": {"capacity": {"cpu": "250m"}}},
    ),
    "an unknown number is skipped": ("v1", "ConfigMap", message((99, "x"), (98, 1)), {}),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_reads_what_go_writes(case):
    api_version, kind, raw, wanted = CASES[case]
    assert parse_protobuf(body(api_version, kind, raw), 100) == {"apiVersion": api_version, "kind": kind, **wanted}


REFUSED = {
    "no magic": (b"\x0a\x00", 400),
    "cut short": (body("v1", "ConfigMap", message((1, METADATA)))[:-6], 400),
    "a number where a message belongs": (body("v1", "ConfigMap", message((1, 5))), 400),
    "text that is not UTF-8": (body("v1", "ConfigMap", message((1, message((1, b"\xff"))))), 400),
    "a group marker": (body("v1", "ConfigMap", b"\x0b"), 400),
    "a time after the year 9999": (body("v1", "Pod", message((1, message((8, message((1, 1 << 60))))))), 400),
    "a kind without numbers": (body("example.com/v1", "Widget", b""), 415),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refuses(case):
    octets, code = REFUSED[case]
    with pytest.raises(ApiError) as refusal:
        parse_protobuf(octets, 100)
    assert refusal.value.code == code


@settings(max_examples=100)
@given(st.sampled_from(["Pod", "Service", "Secret", "Node"]), st.binary(max_size=60))
def test_any_octets_are_a_document_or_a_refusal(kind, raw):
    with suppress(ApiError):
        assert parse_protobuf(body("v1", kind, raw), 100)["kind"] == kind
