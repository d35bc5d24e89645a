"""Documents of any cluster become slim objects, or an error that names the field."""

import pytest

from fairlead.model.decode import DecodeError, decode
from fairlead.model.objects import EndpointSlice, Pod, Service


def test_unknown_fields_are_passed_over():
    service = decode(Service, b'{"metadata": {"name": "a", "managedFields": []}, "spec": {"future": 1}, "extra": {}}')
    assert service.name == "a"


def test_null_lists_of_the_real_api_are_empty():
    slice_ = decode(
        EndpointSlice, b'{"metadata": {"name": "a"}, "addressType": "IPv4", "endpoints": null, "ports": null}'
    )
    assert list(slice_.endpoints or ()) == []


@pytest.mark.parametrize(
    ("document", "path"),
    [
        (b'{"metadata": {"name": 5}}', "$.metadata.name"),
        (b'{"metadata": {"name": "a"}, "spec": {"ports": [{"port": "http"}]}}', "$.spec.ports[0].port"),
        (b"{}", "metadata"),
        (b"{", "truncated"),
    ],
)
def test_decode_errors_name_the_field(document, path):
    with pytest.raises(DecodeError, match=path.replace("$", r"\$").replace("[", r"\[")):
        decode(Service, document)


@pytest.mark.parametrize(
    ("spec", "virtual_ips", "headless"),
    [
        ({"clusterIP": "10.96.0.1", "clusterIPs": ["10.96.0.1", "fd00::1"]}, ("10.96.0.1", "fd00::1"), False),
        ({"clusterIP": "10.96.0.1"}, ("10.96.0.1",), False),
        ({"clusterIP": "None", "clusterIPs": ["None"]}, (), True),
        ({"type": "ExternalName", "externalName": "example.com"}, (), False),
    ],
)
def test_virtual_ips(spec, virtual_ips, headless):
    service = decode(Service, {"metadata": {"name": "a"}, "spec": spec})
    assert (service.cluster_ips, service.is_headless) == (virtual_ips, headless)


@pytest.mark.parametrize(
    ("conditions", "ready", "serving", "terminating"),
    [
        ({}, True, True, False),
        ({"ready": False}, False, False, False),
        ({"ready": False, "serving": True, "terminating": True}, False, True, True),
        ({"ready": None, "serving": None, "terminating": None}, True, True, False),
    ],
)
def test_endpoint_conditions_have_the_defaults_of_their_documentation(conditions, ready, serving, terminating):
    document = {"metadata": {"name": "a"}, "endpoints": [{"addresses": ["10.0.0.1"], "conditions": conditions}]}
    (endpoint,) = decode(EndpointSlice, document).endpoints
    assert (endpoint.is_ready, endpoint.is_serving, endpoint.is_terminating) == (ready, serving, terminating)


def test_a_pod_without_the_list_of_addresses_still_has_its_one():
    pod = decode(Pod, {"metadata": {"name": "a"}, "status": {"podIP": "10.0.0.1"}})
    assert pod.ips == ("10.0.0.1",)
