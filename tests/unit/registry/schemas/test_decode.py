"""The shape of documents: unknown fields, wrong types, merge keys."""

import json
import pkgutil

import pytest

from fairlead.registry.schemas import merging
from fairlead.registry.schemas.catalogue import Cardinality, FieldType, catalogue, fields_of, type_of
from fairlead.registry.schemas.decode import decode, unknown_fields
from fairlead.registry.status import ApiError

SERVICE_SPEC = "io.k8s.api.core.v1.ServiceSpec"
POD_SPEC = "io.k8s.api.core.v1.PodSpec"


def service(**spec):
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": spec}


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (service(ports=[{"port": 80}]), []),
        (service(foo=1), ['unknown field "spec.foo"']),
        (service(ports=[{"port": 80}, {"port": 81, "bar": 1}]), ['unknown field "spec.ports[1].bar"']),
        (service(selector={"any": "key"}), []),
        (
            {"kind": "Service", "extra": {}, "metadata": {"nom": "x"}},
            ['unknown field "extra"', 'unknown field "metadata.nom"'],
        ),
    ],
)
def test_unknown_fields_are_named_with_their_path(document, expected):
    assert unknown_fields("v1", "Service", document) == expected


def test_unknown_fields_and_nulls_are_left_out():
    document = service(foo=1, clusterIP=None, ports=[{"port": 80, "name": None}])
    assert decode("v1", "Service", document).document["spec"] == {"ports": [{"port": 80}]}


def test_a_kind_outside_the_catalogue_keeps_everything():
    assert decode("example.com/v1", "Widget", {"a": {"b": 1}}) == ({"a": {"b": 1}}, ())


@pytest.mark.parametrize(
    ("kind", "document", "reason"),
    [
        ("Service", service(ports="x"), "string into Go struct field ServiceSpec.spec.ports of type []v1.ServicePort"),
        ("Service", service(ports=["x"]), "string into Go struct field ServiceSpec.spec.ports of type v1.ServicePort"),
        (
            "Service",
            service(ports=[{"port": "80"}]),
            "string into Go struct field ServicePort.spec.ports.port of type int32",
        ),
        (
            "Service",
            service(ports=[{"port": 2**31}]),
            "number 2147483648 into Go struct field ServicePort.spec.ports.port of type int32",
        ),
        ("Service", service(selector={"a": 1}), "number into Go struct field ServiceSpec.spec.selector of type string"),
        (
            "Service",
            service(selector=[]),
            "array into Go struct field ServiceSpec.spec.selector of type map[string]string",
        ),
        ("Service", {"spec": True}, "bool into Go struct field Service.spec of type v1.ServiceSpec"),
        ("Service", service(clusterIP={}), "object into Go struct field ServiceSpec.spec.clusterIP of type string"),
        ("Service", [], "array into Go value of type v1.Service"),
        (
            "Service",
            service(publishNotReadyAddresses="yes"),
            "string into Go struct field ServiceSpec.spec.publishNotReadyAddresses of type bool",
        ),
    ],
)
def test_a_value_of_the_wrong_type_is_a_bad_request_in_gos_words(kind, document, reason):
    with pytest.raises(ApiError) as refusal:
        decode("v1", kind, document)
    assert (refusal.value.code, refusal.value.reason) == (400, "BadRequest")
    assert refusal.value.message == (
        f'{kind} in version "v1" cannot be handled as a {kind}: json: cannot unmarshal {reason}'
    )


def pod_with_memory(memory):
    resources = {"limits": {"memory": memory}}
    return {"spec": {"containers": [{"name": "a", "resources": resources}]}}


def test_a_quantity_may_be_a_number_and_is_kept_as_text():
    kept = decode("v1", "Pod", pod_with_memory(64)).document
    assert kept == pod_with_memory("64")


def test_a_quantity_must_look_like_one():
    with pytest.raises(ApiError, match="quantities must match the regular expression"):
        decode("v1", "Pod", pod_with_memory("lots"))


def test_the_catalogue_knows_the_shape_of_a_field():
    assert type_of("discovery.k8s.io/v1", "EndpointSlice") == "io.k8s.api.discovery.v1.EndpointSlice"
    assert fields_of(SERVICE_SPEC)["selector"] == FieldType("string", Cardinality.MAP, required=False)
    ports = fields_of("io.k8s.api.core.v1.Container")["ports"]
    assert ports == FieldType("io.k8s.api.core.v1.ContainerPort", Cardinality.LIST, required=False)
    assert fields_of("io.k8s.api.core.v1.ServicePort")["port"].required
    assert "except" in fields_of("io.k8s.api.networking.v1.IPBlock")


def test_every_described_type_is_described_in_full():
    described = json.loads(pkgutil.get_data("fairlead.registry.schemas", "descriptions.json"))
    assert {name: set(texts) for name, texts in described.items()} == {
        name: {"", *fields_of(name)} for name in described
    }


def test_every_field_of_a_merge_table_exists():
    tables = (*merging._PATCHED_BY, *merging._MERGED_SETS, *merging._APPLIED_BY, *merging._APPLIED_SETS)
    for key in (*tables, *merging._ATOMIC_FIELDS):
        type_name, _, field = key.rpartition(".")
        assert field in fields_of(type_name if type_name.startswith("io.") else f"io.k8s.api.{type_name}"), key
    for name in merging._ATOMIC_TYPES:
        assert (name if name.startswith("io.") else f"io.k8s.api.{name}") in catalogue().types, name


@pytest.mark.parametrize(
    ("type_name", "field", "patched_by", "applied_by"),
    [
        (SERVICE_SPEC, "ports", "port", ("port", "protocol")),
        (SERVICE_SPEC, "clusterIPs", None, ()),
        (POD_SPEC, "containers", "name", ("name",)),
        ("io.k8s.api.core.v1.PodStatus", "hostIPs", "ip", ()),
    ],
)
def test_merge_keys(type_name, field, patched_by, applied_by):
    assert merging.merge_key(type_name, field) == patched_by
    assert merging.list_map_keys(type_name, field) == applied_by


def test_atomic_maps():
    assert merging.is_atomic_map(SERVICE_SPEC, "selector")
    assert merging.is_atomic_map("any", "targetRef", "io.k8s.api.core.v1.ObjectReference")
    assert not merging.is_atomic_map("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta", "labels")


MOMENTS = {
    "2026-01-01T02:03:04Z": "2026-01-01T02:03:04Z",
    "2026-01-01T02:03:04.999Z": "2026-01-01T02:03:04Z",
    "2026-01-01T02:03:04.123456789+00:00": "2026-01-01T02:03:04Z",
    "2026-01-01T02:03:04+02:00": "2026-01-01T00:03:04Z",
}


@pytest.mark.parametrize("text", MOMENTS)
def test_every_spelling_of_a_moment_is_kept_in_one_form(text):
    decoded = decode("v1", "ConfigMap", {"metadata": {"creationTimestamp": text}})
    assert decoded.document["metadata"]["creationTimestamp"] == MOMENTS[text]


def test_a_lease_keeps_microseconds():
    decoded = decode("coordination.k8s.io/v1", "Lease", {"spec": {"renewTime": "2026-01-01T02:03:04.5Z"}})
    assert decoded.document["spec"]["renewTime"] == "2026-01-01T02:03:04.500000Z"


@pytest.mark.parametrize("text", ["", "yesterday", "2026-01-01", "2026-13-01T00:00:00Z", "0001-01-01T00:00:00+01:00"])
def test_invalid_times_are_refused(text):
    with pytest.raises(ApiError, match="parsing time"):
        decode("v1", "ConfigMap", {"metadata": {"creationTimestamp": text}})
