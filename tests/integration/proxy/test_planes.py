"""Both back ends follow every change of a Service in a real kernel; a refused Service affects no other."""

import itertools
import re
import time

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from fairlead.dataplane import nft_rules, nft_skeleton
from fairlead.dataplane.incremental import build
from fairlead.model.addresses import IPFamily
from fairlead.netfilter.clients import notebooks_of, read_clients
from fairlead.netfilter.nft_listing import listing_of, read_listing
from tests.integration.proxy.test_transactions import saved_rules
from tests.support.full import some_of
from tests.support.net.plane_worker import PlaneWorker
from tests.support.proxy_objects import endpoint, endpoint_slice, service, snapshot
from tests.unit.dataplane.test_incremental import VIEW, changes

TABLE = ("ip", nft_skeleton.TABLE)
CLIENTS = {"192.168.7.1": 3600, "192.168.7.2": 30, "192.168.7.3": 1}  # and the seconds that they have left


@pytest.fixture(scope="module")
def kernel():
    worker = PlaneWorker(["unshare", "-rn"])
    yield worker
    worker.close()


def note_clients(kernel):
    """Clients come to every endpoint of every Service with affinity: as many as there are chains that note them."""
    listed = kernel.run("nft", "list", "table", *TABLE)
    noting = re.findall(r"update @(\S+) \{ ip saddr : (\S+) \. (\d+) \}", listed)
    commands = []
    for (map_, address, port), (client, left) in zip(noting, itertools.cycle(CLIENTS.items()), strict=False):
        (timeout,) = re.findall(rf"map {map_} \{{.*?timeout (\S+)\n", listed, re.DOTALL)
        expires = f"expires {left}s" if timeout in ("3h", "1d") else ""
        commands.append(f"add element ip fairlead {map_} {{ {client} {expires} : {address} . {port} }}\n")
    kernel.run("nft", "-f", "-", text="".join(commands))


def clients_in(kernel):
    """Who is remembered, in which map, with which endpoint."""
    maps = re.findall(r"map (clients-of-\S+) \{", kernel.run("nft", "list", "maps", "ip"))
    found = (c for m in maps for c in read_clients(m, [kernel.run("nft", "list", "map", *TABLE, m)]))
    return {(client.map, client.source): (client.idle, client.target) for client in found}


@given(changes, changes)
@settings(max_examples=some_of(15, 30), derandomize=True, phases=[Phase.generate], database=None, deadline=None)
def test_every_field_may_change_while_clients_are_remembered(kernel, before, after):
    kernel.run("nft", "flush", "ruleset")
    kernel.start_plane("nft")
    assert kernel.follow(before, VIEW) == {}
    state = snapshot(*(object_ for is_put, object_ in before if is_put))
    for is_put, object_ in after:
        note_clients(kernel)
        looked = time.monotonic()
        remembered = clients_in(kernel)
        assert kernel.follow([(is_put, object_)], VIEW) == {}
        state = state.with_object(object_) if is_put else state.without_object(object_)
        _check_clients(kernel, state, remembered, looked)
    fresh = _fresh(kernel, before, after)
    assert read_listing(kernel.run("nft", "-y", "list", "table", *TABLE)) == listing_of(fresh, IPFamily.IPV4)


def _check_clients(kernel, state, before, looked):
    """Whoever had an endpoint that is still there has it, unless their time is up."""
    table, _ = build(state, VIEW, nft_skeleton.skeleton(VIEW), nft_rules.service_part)
    books, after = notebooks_of(table), clients_in(kernel)
    passed = 1000 * (time.monotonic() - looked)
    for (map_, source), (idle, target) in before.items():
        book = books.get(map_)
        if book is not None and target in book.targets and book.timeout * 1000 - idle > 5000 + passed:
            assert after[map_, source][1] == target
    assert all(target in books[map_].targets for (map_, _), (_, target) in after.items())


def _fresh(kernel, before, after):
    state = snapshot()
    for is_put, object_ in (*before, *after):
        state = state.with_object(object_) if is_put else state.without_object(object_)
    return build(state, VIEW, nft_skeleton.skeleton(VIEW), nft_rules.service_part)[0]


@given(changes, changes)
@settings(max_examples=some_of(8, 15), derandomize=True, phases=[Phase.generate], database=None, deadline=None)
def test_every_field_may_change_with_iptables_too(kernel, before, after):
    kernel.run("nft", "flush", "ruleset")
    kernel.start_plane("iptables")
    assert kernel.follow(before, VIEW) == {}
    for change in after:
        assert kernel.follow([change], VIEW) == {}
    stepped = saved_rules(kernel)
    kernel.run("nft", "flush", "ruleset")
    kernel.start_plane("iptables")
    assert kernel.follow([*before, *after], VIEW) == {}
    assert stepped == saved_rules(kernel)


def world(address, timeout=60):
    """Services a to d, each with an endpoint; all of them change with the address."""
    objects = []
    for number, name in enumerate("abcd"):
        affinity = {"sessionAffinity": "ClientIP", "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": timeout}}}
        objects.append((True, service(name, f"10.96.0.{number + 1}", **affinity)))
        objects.append((True, endpoint_slice([endpoint(f"{address}.{number}")], name)))
    return objects


def rules_of(kernel, backend):
    """What the kernel has for each Service: elements and rules of nft, or lines of iptables."""
    if backend == "nft":
        listing = read_listing(kernel.run("nft", "-y", "-s", "list", "table", *TABLE))
        lines = [*listing.elements.values(), *(f"{n} {line}" for n, rules in listing.chains.items() for line in rules)]
    else:
        lines = kernel.run("iptables-save").splitlines()
    return {name: sorted(line for line in lines if re.search(rf"\bns/{name}\b", line)) for name in "abcd"}


@pytest.mark.parametrize("backend", ["nft", "iptables"])
@pytest.mark.parametrize("start", ["followed", "found"])
def test_a_service_that_the_kernel_refuses_stays_as_it_was_and_the_others_follow(kernel, backend, start):
    """A fault of one of four Services that change at once: three follow, it stays; without the fault it heals."""
    kernel.run("nft", "flush", "ruleset")
    kernel.start_plane(backend)
    kernel.follow(world("10.0.1"), VIEW)
    old = rules_of(kernel, backend)
    if start == "found":
        kernel.start_plane(backend, faulty="b@10.0.2")
    else:
        kernel.call("break_service", service="b@10.0.2")
    held = kernel.follow(world("10.0.2", timeout=90), VIEW)
    assert held.keys() == {"ns/b"}
    assert held["ns/b"]
    now = rules_of(kernel, backend)
    kernel.call("break_service", service="")
    assert kernel.follow([], VIEW) == {}
    whole = rules_of(kernel, backend)
    assert {name: now[name] for name in "acd"} == {name: whole[name] for name in "acd"}
    assert now["b"] == (old["b"] if start == "followed" else [])
    assert whole["b"] != old["b"]
    assert all("10.0.2" in " ".join(lines) for lines in whole.values())


@given(st.data())
@settings(max_examples=10, derandomize=True, phases=[Phase.generate], database=None, deadline=None)
def test_other_changes_apply_while_one_is_refused(kernel, data):
    kernel.run("nft", "flush", "ruleset")
    kernel.start_plane("nft", faulty="a@10.0.0")
    history = data.draw(changes)
    for change in history:
        assert kernel.follow([change], VIEW).keys() <= {"ns/a"}
    kernel.call("break_service", service="")
    assert kernel.follow([], VIEW) == {}
    state = snapshot()
    for is_put, object_ in history:
        state = state.with_object(object_) if is_put else state.without_object(object_)
    fresh, _ = build(state, VIEW, nft_skeleton.skeleton(VIEW), nft_rules.service_part)
    assert read_listing(kernel.run("nft", "-y", "list", "table", *TABLE)) == listing_of(fresh, IPFamily.IPV4)
