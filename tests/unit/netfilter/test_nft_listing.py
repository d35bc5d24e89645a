"""A table that is found is changed into the wanted one, and what reads the same is left alone."""

import pytest
from hypothesis import given, settings

from fairlead.dataplane import nft_rules, nft_skeleton
from fairlead.dataplane.incremental import build
from fairlead.model.addresses import IPFamily
from fairlead.netfilter.nft_listing import Listing, _as_values, listing_of, read_listing, takeover
from fairlead.netfilter.nft_text import render_table
from fairlead.netfilter.ruleset import Chain, NamedSet
from fairlead.netfilter.transaction import DeleteChain, DeleteElement, DeleteSet, SetRules, apply
from tests.support.proxy_objects import endpoint, endpoint_slice, service, snapshot
from tests.unit.dataplane.test_incremental import BASE, VIEW, changes

NAME = nft_skeleton.table_name(IPFamily.IPV4)


def made(*objects):
    table, _ = build(snapshot(*objects), VIEW, BASE, nft_rules.service_part)
    return table


def found(table):
    return read_listing(render_table(NAME, table, "ours"))


@given(changes)
@settings(max_examples=60)
def test_written_tables_can_be_read_back(objects):
    table = made(*(object_ for _, object_ in objects))
    assert found(table) == listing_of(table, IPFamily.IPV4)


@given(changes, changes)
@settings(max_examples=60)
def test_the_found_table_becomes_the_wanted_one(before, after):
    old, new = (made(*(object_ for _, object_ in objects)) for objects in (before, after))
    assert apply(takeover(found(old), new, IPFamily.IPV4), old) == new
    assert takeover(found(new), new, IPFamily.IPV4) == ()


WEB = made(service(), endpoint_slice([endpoint("10.0.0.1"), endpoint("10.0.0.2")]))


def changed(**parts):
    listing = listing_of(WEB, IPFamily.IPV4)
    return Listing(**{name: {**getattr(listing, name), **parts.get(name, {})} for name in Listing.__struct_fields__})


def test_foreign_additions_are_removed():
    strange = changed(
        chains={"strange": ("accept",), "stranger": ("jump strange",)},
        sets={"odd": ("type ipv4_addr",)},
        elements={("odd", "1.1.1.1"): "1.1.1.1", ("cluster-ips", "9.9.9.9"): "9.9.9.9"},
    )
    operations = takeover(strange, WEB, IPFamily.IPV4)
    assert set(operations) == {
        DeleteElement(("odd", ("1.1.1.1",))),
        DeleteElement(("cluster-ips", ("9.9.9.9",))),
        SetRules(Chain("strange")),
        SetRules(Chain("stranger")),
        DeleteChain("strange"),
        DeleteChain("stranger"),
        DeleteSet(NamedSet("odd", ())),
    }


def test_foreign_changes_are_reverted():
    strange = changed(chains={"refuse": ("drop",)}, elements={("cluster-ips", "10.96.0.10"): "10.96.0.10"})
    put_right, *element = takeover(strange, WEB, IPFamily.IPV4)
    assert put_right == SetRules(WEB.chains["refuse"])
    assert len(element) == 2  # deleted, and added with its comment


HOOK = {"nat-output": ("type nat hook output priority 0; policy accept;", "jump services")}


@pytest.mark.parametrize(
    "strange",
    [
        changed(chains=HOOK),
        changed(sets={"cluster-ips": ("type ipv6_addr",)}),
        changed(chains={"refuse": HOOK["nat-output"]}),
    ],
    ids=["another hook", "another declaration", "a hook where none should be"],
)
def test_different_declarations_are_redeclared(strange):
    """And as the kernel has it: nothing may refer to a set or a chain when that is deleted."""
    there = _as_values(strange, listing_of(WEB, IPFamily.IPV4), WEB)
    assert apply(takeover(strange, WEB, IPFamily.IPV4), there) == WEB
