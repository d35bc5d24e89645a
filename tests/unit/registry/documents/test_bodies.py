"""Bodies that are made to keep the server busy: each is answered in bounded work, whatever is in it.

The bound is on the processor time of one request, and generous: work that grows with the square of these bodies takes
minutes.
"""

import json
import time

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fairlead.registry.documents.bodies import MAX_VALUES, duplicate_fields
from fairlead.registry.status import ApiError
from tests.support.api_world import ApiWorld, config_map

NAMESPACE = "/api/v1/namespaces/default"
SERVICES, MAPS, PODS = f"{NAMESPACE}/services", f"{NAMESPACE}/configmaps", f"{NAMESPACE}/pods"
SECONDS = 4.0
LARGEST = 3 << 20

YAML = "application/yaml"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY = "application/apply-patch+yaml"


@pytest.fixture
def world():
    made = ApiWorld()
    made.do("POST", MAPS, config_map("c", a="b"))
    made.do("POST", SERVICES, service([{"port": 80}], name="w"))
    return made


def service(ports=({"port": 80},), name="web", **spec):
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": {"ports": list(ports), **spec}}


def many(count, make):
    return [make(index) for index in range(count)]


def named_ports(count):
    return many(count, lambda i: {"name": f"p{i}", "port": i + 1})


def pod(**spec):
    return {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}], **spec}}


def answered(world, method, url, body, content_type="application/json"):
    """The code of the answer and its length, if it came in time."""
    encoded = body if isinstance(body, bytes) else json.dumps(body).encode()
    assert len(encoded) <= LARGEST
    began = time.process_time()
    try:
        reply = world.ask(method, url, encoded, content_type=content_type)
        code, length = reply.code, len(reply.body)
    except ApiError as error:
        code, length = error.code, len(json.dumps(error.status()))
    assert time.process_time() - began < SECONDS
    return code, length


LONG_PREFIX = "10.0.0.0/" + "0" * 99_999
REFUSED = [
    pytest.param(service(ipFamilies=["IPv4"] * 40_000), 422, id="one family, very often"),
    pytest.param(service(clusterIP="x", clusterIPs=["x"] * 40_000), 422, id="addresses that are none"),
    pytest.param(service(externalIPs=["x"] * 40_000), 422, id="external addresses that are none"),
    pytest.param(service(selector={f"!{i}": "!" for i in range(40_000)}), 422, id="labels that are none"),
    pytest.param(service(many(10_000, lambda i: {"name": "P!", "port": 0, "protocol": "x"})), 422, id="bad ports"),
    pytest.param(service([{"port": 80}] * 20_000), 422, id="one port, very often"),
    pytest.param(service(named_ports(12_000), type="NodePort"), 500, id="more node ports than there are"),
    pytest.param(service(externalIPs=["1." * 1_500_000]), 422, id="a long address"),
    pytest.param(service(type="LoadBalancer", loadBalancerSourceRanges=[LONG_PREFIX]), 422, id="a long prefix"),
    pytest.param(service(type="ExternalName", externalName="a-." * 1_000_000), 422, id="a long name"),
    pytest.param(service(**{f"x{i}": 1 for i in range(45_000)}), 201, id="fields that there are not"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "code"), REFUSED)
def test_services(world, body, code):
    found, length = answered(world, "POST", SERVICES, body)
    assert found == code
    assert length < 2 * LARGEST + 100_000


@pytest.mark.parametrize("cpu", ["1" * 3_000_000, "1" * 3_000_000 + "x", "1e999999999", "1e-999999999"])
def test_quantities_of_any_length(world, cpu):
    container = {"name": "c", "image": "i", "resources": {"limits": {"cpu": cpu}}}
    assert answered(world, "POST", PODS, pod(containers=[container]))[0] == 400


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"[" * LARGEST, 400),
        (b'{"a":' * (LARGEST // 5), 400),
        (b"[" + b"[]," * 1_000_000 + b"[]]", 413),
        (b'{"metadata":{"name":"x"},"data":{' + b",".join(b'"%d":""' % i for i in range(60_000)) + b"}}", 413),
        (b'{"spec":{"ports":[{"port":' + b"1" * 3_000_000 + b"}]}}", 400),
    ],
    ids=["deep lists", "deep objects", "wide", "many keys", "a long number"],
)
def test_json(world, body, code):
    assert answered(world, "POST", MAPS, body)[0] == code


def test_patches_that_make_too_many_values_together(world):
    data = [{f"{half}{n}": "" for n in range(MAX_VALUES * 2 // 3)} for half in "ab"]
    assert answered(world, "POST", MAPS, json.dumps({"metadata": {"name": "wide"}, "data": data[0]}).encode())[0] == 201
    for kind in (MERGE, STRATEGIC):
        assert answered(world, "PATCH", f"{MAPS}/wide", json.dumps({"data": data[1]}).encode(), kind)[0] == 413


@pytest.mark.parametrize(
    "body",
    [
        b"a: " + b"{a: " * 30_000 + b"}" * 30_000,
        b"[" * 200_000,
        b"- " * 100_000,
        b"? " * 100_000,
        b"x: " * 1_000_000,
        b"a: &a [1]\nb: [*a, *a]",
        b"a: 1" + b"5" * 80_000,
    ],
    ids=["deep flow", "deep lists", "deep blocks", "deep keys", "large", "aliases", "a long number"],
)
def test_yaml(world, body):
    """Deep nesting once took the process down: the YAML library recurses in C."""
    assert answered(world, "POST", MAPS, body, YAML)[0] == 400


def message(number, data):
    """A field of a protobuf message that holds octets."""
    length, encoded = len(data), b""
    while length > 127:
        encoded, length = encoded + bytes([length & 127 | 128]), length >> 7
    key = number << 3 | 2
    return (bytes([key]) if key < 128 else bytes([key & 127 | 128, key >> 7])) + encoded + bytes([length]) + data


@pytest.mark.parametrize(
    ("content", "code"),
    [
        pytest.param(message(1, message(1, b"x")) + message(2, b"") * 1_500_000, 413, id="map entries"),
        pytest.param(message(1, message(13, b"") * 1_500_000), 413, id="list elements"),
        pytest.param(b"\x78\x01" * 1_500_000, 413, id="unknown fields"),
        pytest.param(message(1, message(17, message(7, message(1, b'{"a":' * 100_000)))), 400, id="deep JSON"),
    ],
)
def test_protobuf(world, content, code):
    kind = message(1, message(1, b"v1") + message(2, b"ConfigMap"))
    body = b"k8s\x00" + kind + message(2, content)
    assert answered(world, "POST", MAPS, body, "application/vnd.kubernetes.protobuf")[0] == code


NAMES = st.text(':"\\ax', max_size=3)
VALUES = st.recursive(
    NAMES | st.integers() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
MEMBERS = st.lists(st.tuples(NAMES, VALUES), max_size=4)
SPACES = st.sampled_from([(",", ":"), (", ", " : "), (" ,\n", ":\t")])


def spelled(members, spaces, *, escapes_colons=False):
    inner, colon = spaces
    texts = [(json.dumps(name), json.dumps(value, separators=spaces)) for name, value in members]
    if escapes_colons:
        texts = [(name, text.replace(":", r"\u003A") if text[:1] == '"' else text) for name, text in texts]
    return ("{" + inner.join(f"{name}{colon}{text}" for name, text in texts) + "}").encode()


@given(MEMBERS, SPACES, st.booleans())
@example([("a", 1), ("a", ":")], (",", ":"), True)
def test_a_duplicate_field_is_reported_in_every_format(members, spaces, escapes_colons):
    body = spelled(members, spaces, escapes_colons=escapes_colons)
    names = [name for name, _ in members]
    twice = [f'duplicate field "{name}"' for at, name in enumerate(names) if name in names[:at]]
    assert duplicate_fields(body, msgspec.json.decode(body)) == twice


@pytest.mark.parametrize(("validation", "code"), [("Strict", 400), ("Warn", 201), ("Ignore", 201)])
def test_strict_errors_are_limited_as_in_upstream(world, validation, code):
    url = f"{SERVICES}?fieldValidation={validation}"
    assert answered(world, "POST", url, service(**{f"x{i}": 1 for i in range(45_000)}))[0] == code
    if validation == "Warn":
        world.do("DELETE", f"{SERVICES}/web")
        warnings = world.ask("POST", url, service(**{f"x{i}": 1 for i in range(1_000)})).warnings
        assert len(warnings) == 100
    doubled = b'{"metadata":{"name":"d"},"spec":{"ports":[' + b",".join([b'{"port":1,"port":1}'] * 20_000) + b"]}}"
    assert answered(world, "POST", url, doubled)[1] < 1_000_000


LONG_TEXT = [{"op": "add", "path": "/data/n", "value": "x" * 2_000_000}]
BIG_LIST = [{"op": "add", "path": "/data/l", "value": [[]] * 10_000}]


@pytest.mark.parametrize(
    ("operations", "code"),
    [
        pytest.param([{"op": "add", "path": "/data/x", "value": "y"}] * 10_001, 413, id="more than upstream's limit"),
        pytest.param([{"op": "add", "path": "/data/x", "value": "y"}] * 10_000, 200, id="as many as that"),
        pytest.param(BIG_LIST + [{"op": "copy", "from": "/data/a", "path": "/data/b"}] * 100, 400, id="copies"),
        pytest.param(BIG_LIST + [{"op": "move", "from": "/data/l/0", "path": "/data/l/9"}] * 9_000, 400, id="moves"),
        pytest.param(BIG_LIST + [{"op": "add", "path": "/data/l/0", "value": 1}] * 9_000, 400, id="insertions"),
        pytest.param([{"op": "add", "path": "/a" * 1_000_000, "value": 1}], 422, id="a long path"),
        pytest.param(LONG_TEXT + [{"op": "copy", "from": "/data", "path": "/data/m"}] * 9, 413, id="copies of copies"),
    ],
)  # fmt: skip
def test_json_patches(world, operations, code):
    assert answered(world, "PATCH", f"{MAPS}/c", operations, JSON_PATCH)[0] == code


@pytest.mark.parametrize(
    "spec",
    [
        {"ports": many(20_000, lambda i: {"port": 80})},
        {"ports": many(20_000, lambda i: {"port": i + 1})},
        {"$setElementOrder/ports": many(20_000, lambda i: {"port": i})},
        {"$retainKeys": many(40_000, str)},
    ],
    ids=["one key", "many keys", "order", "keys to keep"],
)
def test_strategic_merge_patches(world, spec):
    assert answered(world, "PATCH", f"{SERVICES}/w", {"spec": spec}, STRATEGIC)[0] in (200, 422)


def applied(world, ports, manager="me", code=200, **metadata):
    body = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "big", **metadata}, "spec": {"ports": ports}}
    assert answered(world, "PATCH", f"{SERVICES}/big?fieldManager={manager}", body, APPLY)[0] == code


def test_server_side_apply_of_long_lists(world):
    applied(world, named_ports(6_000), code=201)
    applied(world, named_ports(1))
    assert len(world.do("GET", f"{SERVICES}/big")["spec"]["ports"]) == 1
    applied(world, [{"name": "p0", "port": 1}], finalizers=many(9_000, "a/b{}".format))
    applied(world, [{"name": "p0", "port": 1}], manager="other", finalizers=many(9_000, "a/c{}".format))
    applied(world, [{"name": "p0", "port": 1}])
    assert len(world.do("GET", f"{SERVICES}/big")["metadata"]["finalizers"]) == 9_000


def test_updates_of_long_lists(world):
    tolerations = many(12_000, lambda i: {"key": f"k{i}", "operator": "Exists"})
    assert answered(world, "POST", PODS, pod(tolerations=tolerations))[0] == 201
    patch = {"spec": {"tolerations": [*tolerations, {"key": "new", "operator": "Exists"}]}}
    assert answered(world, "PATCH", f"{PODS}/p", patch, MERGE)[0] == 200


def test_label_selectors_of_many_requirements(world):
    selector = ",".join(f"!a{i}" for i in range(257))
    assert world.refused("GET", f"{MAPS}?labelSelector={selector}")["code"] == 400


def test_a_refusal_has_the_first_faults_and_is_short(world):
    status = world.refused("POST", SERVICES, service(externalIPs=["x"] * 40_000))
    assert len(status["details"]["causes"]) == 200
    assert len(json.dumps(status)) < 200_000
